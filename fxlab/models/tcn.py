"""A causal dilated convolutional network for audio effects, in the layout that Neural Amp Modeler calls WaveNet.

Each layer adds tanh(dilated convolution of its input + the dry signal through a 1x1 convolution) to a head that the layers
of an array share, and a 1x1 convolution of it to its input (van den Oord et al. 2016, arXiv 1609.03499; Wright et al. 2020,
"Real-Time Guitar Amplifier Emulation with Deep Learning"). Two arrays run one after the other; the sizes and their names are
those of Neural Amp Modeler, so that a network trained here has the weights of a `.nam` file.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from fxlab.errors import InputError, UsageError, nearest

_TEN_OCTAVES = tuple(2**i for i in range(10))
_SEVEN_OCTAVES = tuple(2**i for i in range(7))
_SHUFFLED = (128, 256, 512) + _TEN_OCTAVES


@dataclass(frozen=True)
class ArrayConfig:
    """One array of layers: `channels` wide, `head` outputs to the next array (or the result), one layer per dilation."""

    channels: int
    head: int
    dilations: tuple[int, ...]
    head_bias: bool = False
    kernel_size: int = 3

    @property
    def context(self) -> int:
        """Past samples that one output sample depends on, besides its own."""
        return (self.kernel_size - 1) * sum(self.dilations)


@dataclass(frozen=True)
class TCNConfig:
    arrays: tuple[ArrayConfig, ...]
    size: str = "custom"

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + sum(array.context for array in self.arrays)

    def to_json(self) -> dict:
        arrays = [asdict(array) | {"dilations": list(array.dilations)} for array in self.arrays]
        return {"arrays": arrays, "size": self.size}

    @classmethod
    def from_json(cls, data: dict) -> TCNConfig:
        """The config from its plain form; raises `InputError` for anything else, before anything is allocated."""
        try:
            arrays = []
            for item in data["arrays"]:
                array = ArrayConfig(
                    channels=int(item["channels"]),
                    head=int(item["head"]),
                    dilations=tuple(int(d) for d in item["dilations"]),
                    head_bias=bool(item["head_bias"]),
                    kernel_size=int(item["kernel_size"]),
                )
                sane = 1 <= array.channels <= 256 and 1 <= array.head <= 256 and 1 <= array.kernel_size <= 64
                if not (sane and 1 <= len(array.dilations) <= 64 and all(1 <= d <= 65_536 for d in array.dilations)):
                    raise ValueError
                arrays.append(array)
            heads_fit = all(before.head == after.channels for before, after in zip(arrays, arrays[1:], strict=False))
            if not (1 <= len(arrays) <= 8 and heads_fit and arrays[-1].head == 1):
                raise ValueError
            return cls(tuple(arrays), str(data.get("size", "custom")))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                "The model's TCN configuration can't be understood.", "Export it again with `fxlab export`."
            ) from None


def _two_arrays(size: str, first: int, second: int, dilations: tuple[tuple[int, ...], tuple[int, ...]]) -> TCNConfig:
    return TCNConfig((ArrayConfig(first, second, dilations[0]), ArrayConfig(second, 1, dilations[1], head_bias=True)), size)


SIZES = {
    "standard": _two_arrays("standard", 16, 8, (_TEN_OCTAVES, _TEN_OCTAVES)),
    "lite": _two_arrays("lite", 12, 6, (_SEVEN_OCTAVES, _SHUFFLED)),
    "feather": _two_arrays("feather", 8, 4, (_SEVEN_OCTAVES, _SHUFFLED)),
    "nano": _two_arrays("nano", 4, 2, (_SEVEN_OCTAVES, _SHUFFLED)),
}


class _Layer(nn.Module):
    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, kernel_size, dilation=dilation)
        self.mixin = nn.Conv1d(1, channels, 1, bias=False)
        self.residual = nn.Conv1d(channels, channels, 1)
        self.history = (kernel_size - 1) * dilation

    def forward(self, x: Tensor, dry: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, channels, n) to the activation and the next layer's input, both `history` samples shorter."""
        n = x.shape[-1] - self.history
        activation = torch.tanh(self.conv(x) + self.mixin(dry[..., dry.shape[-1] - n :]))
        return activation, x[..., self.history :] + self.residual(activation)


class _Array(nn.Module):
    def __init__(self, inputs: int, config: ArrayConfig) -> None:
        super().__init__()
        self.expand = nn.Conv1d(inputs, config.channels, 1, bias=False)
        self.layers = nn.ModuleList(_Layer(config.channels, config.kernel_size, d) for d in config.dilations)
        self.head = nn.Conv1d(config.channels, config.head, 1, bias=config.head_bias)


class TCN(nn.Module):
    """The network; `TCN(SIZES["standard"])` has 13 802 parameters and looks back 4 093 samples.

    Shape:
        `forward`: (batch, 1, receptive_field - 1 + n) to (batch, 1, n); the leading samples are context only.
        `stream`: (batch, 1, n) and one state per layer to (batch, 1, n) and the new states.
    """

    def __init__(self, config: TCNConfig) -> None:
        super().__init__()
        self.config = config
        inputs = [1] + [array.channels for array in config.arrays[:-1]]
        self.arrays = nn.ModuleList(_Array(n, array) for n, array in zip(inputs, config.arrays, strict=True))
        self.scale = nn.Parameter(torch.ones(()))

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    @property
    def macs_per_sample(self) -> int:
        """Multiply-accumulates per output sample when streaming."""
        return sum(m.weight.numel() for m in self.modules() if isinstance(m, nn.Conv1d)) + 1

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (channels, frames) of every layer's memory: the past of its input."""
        return {
            f"array{i}_layer{j}": (array.channels, (array.kernel_size - 1) * dilation)
            for i, array in enumerate(self.config.arrays)
            for j, dilation in enumerate(array.dilations)
        }

    def forward(self, dry: Tensor) -> Tensor:
        return self._run(dry, dry.shape[-1] - self.receptive_field + 1, None)[0]

    def stream(self, dry: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """One block with the layers' memories in and out, each of shape (batch, channels, frames)."""
        out, new_states = self._run(dry, dry.shape[-1], states)
        return (out, *new_states)

    def _run(self, dry: Tensor, n: int, states: tuple[Tensor, ...] | None) -> tuple[Tensor, list[Tensor]]:
        x, head, new_states = dry, None, []
        for array in self.arrays:
            x = array.expand(x)
            for layer in array.layers:
                if states is not None:
                    x = torch.cat((states[len(new_states)], x), dim=-1)
                    new_states.append(x[..., -layer.history :] if layer.history else x[..., :0])
                activation, x = layer(x, dry)
                activation = activation[..., activation.shape[-1] - n :] if states is None else activation
                head = activation if head is None else head + activation
            head = array.head(head)
        return self.scale * head, new_states


def tcn(size: str) -> TCN:
    """A freshly initialised network of a named size; raises `UsageError` for an unknown one."""
    if size not in SIZES:
        raise UsageError(f"There is no TCN size '{size}'.", nearest(size, SIZES))
    return TCN(SIZES[size])
