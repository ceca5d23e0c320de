"""What a TCN looks like: arrays of dilated convolutions in the layout that Neural Amp Modeler calls WaveNet."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from fxlab.errors import InputError
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.controls import MOST

Shape = tuple[int, ...]

_MAX_CHANNELS, _MAX_KERNEL, _MAX_LAYERS, _MAX_ARRAYS, _MAX_DILATION = 256, 64, 64, 8, 65_536
_MAX_RECEPTIVE_FIELD = 1 << 20


@dataclass(frozen=True)
class ArrayConfig:
    """One array of layers.

    Args:
        channels: Its width.
        head: Outputs to the next array's head, or the result.
        dilations: One per layer.
        kernel_sizes: One per layer; one number stands for all.
        head_bias: Whether the head's convolution has a bias.
        head_kernel: Kernel size of the head's convolution.
        activation: One of `ACTIVATIONS`, of every layer.
        slope: Of "leaky_relu" below zero.
        gated: The layer's convolution has twice the channels, and the sigmoid of the second half multiplies the activation of
            the first (van den Oord et al. 2016).
    """

    channels: int
    head: int
    dilations: tuple[int, ...]
    kernel_sizes: tuple[int, ...] = (3,)
    head_bias: bool = False
    head_kernel: int = 1
    activation: str = "tanh"
    slope: float = 0.01
    gated: bool = False

    def __post_init__(self) -> None:
        if len(self.kernel_sizes) == 1:
            object.__setattr__(self, "kernel_sizes", self.kernel_sizes * len(self.dilations))

    @property
    def histories(self) -> tuple[int, ...]:
        """Past samples that each layer remembers of its input."""
        return tuple((k - 1) * d for k, d in zip(self.kernel_sizes, self.dilations, strict=True))

    @property
    def context(self) -> int:
        """Past samples that one output sample depends on, besides its own."""
        return sum(self.histories) + self.head_kernel - 1

    @property
    def pre_activations(self) -> int:
        """Outputs of a layer's convolution."""
        return self.channels * (2 if self.gated else 1)


@dataclass(frozen=True)
class TCNConfig:
    """Arrays that run one after the other; the head of one is the beginning of the next one's.

    Args:
        arrays: In order.
        controls: Knobs, which scale and shift every layer's pre-activations (FiLM).
        film_hidden: Units of the layer between the knobs and that.
    """

    arrays: tuple[ArrayConfig, ...]
    size: str = "custom"
    controls: int = 0
    film_hidden: int = 16
    kind: ClassVar[str] = "tcn"

    def with_controls(self, controls: int) -> TCNConfig:
        """The same network with so many knobs."""
        return replace(self, controls=controls)

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on."""
        return 1 + sum(array.context for array in self.arrays)

    @property
    def macs_per_sample(self) -> int:
        """Multiply-accumulates per output sample when streaming, while no knob moves."""
        weights = {name: size for name, size in self._sizes().items() if name.endswith(".weight")}
        scaled = sum(array.pre_activations * len(array.dilations) for array in self.arrays) if self.controls else 0
        return 1 + scaled + sum(size for name, size in weights.items() if "film" not in name)

    @property
    def parameters_count(self) -> int:
        return sum(self._sizes().values())

    def weight_shapes(self) -> dict[str, Shape]:
        """Name to shape of every weight, in the order of the network's state dict."""
        shapes: dict[str, Shape] = {"scale": ()}
        if self.controls:
            shapes |= {"film.weight": (self.film_hidden, self.controls, 1), "film.bias": (self.film_hidden,)}
        inputs = 1
        for i, array in enumerate(self.arrays):
            c, z = array.channels, array.pre_activations
            shapes[f"arrays.{i}.expand.weight"] = (c, inputs, 1)
            for j, kernel in enumerate(array.kernel_sizes):
                at = f"arrays.{i}.layers.{j}"
                shapes |= {f"{at}.conv.weight": (z, c, kernel), f"{at}.conv.bias": (z,), f"{at}.mixin.weight": (z, 1, 1)}
                shapes |= {f"{at}.residual.weight": (c, c, 1), f"{at}.residual.bias": (c,)}
                if self.controls:
                    shapes |= {f"{at}.film.weight": (2 * z, self.film_hidden, 1), f"{at}.film.bias": (2 * z,)}
            shapes[f"arrays.{i}.head.weight"] = (array.head, c, array.head_kernel)
            if array.head_bias:
                shapes[f"arrays.{i}.head.bias"] = (array.head,)
            inputs = c
        return shapes

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (channels, frames) of every memory: the past of each layer's input, and of a head wider than one sample."""
        shapes = {}
        for i, array in enumerate(self.arrays):
            shapes |= {f"array{i}_layer{j}": (array.channels, frames) for j, frames in enumerate(array.histories)}
            if array.head_kernel > 1:
                shapes[f"array{i}_head"] = (array.channels, array.head_kernel - 1)
        return shapes

    def to_json(self) -> dict:
        arrays = [
            asdict(array) | {"dilations": list(array.dilations), "kernel_sizes": list(array.kernel_sizes)}
            for array in self.arrays
        ]
        knobs = {"controls": self.controls, "film_hidden": self.film_hidden} if self.controls else {}
        return {"arrays": arrays, "size": self.size, **knobs}

    @classmethod
    def from_json(cls, data: dict) -> TCNConfig:
        """The config from its plain form; raises `InputError` for anything else, before anything is allocated."""
        try:
            config = cls(
                arrays=tuple(_array(item) for item in data["arrays"]),
                size=str(data.get("size", "custom")),
                controls=int(data.get("controls", 0)),
                film_hidden=int(data.get("film_hidden", 16)),
            )
            config.check()
            return config
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError(
                "The model's TCN configuration can't be understood.", "Export it again with `fxlab export`."
            ) from None

    def check(self) -> None:
        """Raises `ValueError` for sizes that don't fit together or that no model has."""
        arrays = self.arrays
        if not 1 <= len(arrays) <= _MAX_ARRAYS or arrays[-1].head != 1:
            raise ValueError("the number of arrays, or of outputs")
        if any(before.head != after.channels for before, after in zip(arrays, arrays[1:], strict=False)):
            raise ValueError("an array's head doesn't have the channels of the next array")
        for array in arrays:
            sizes = (array.channels, array.head, *array.kernel_sizes, array.head_kernel)
            if not all(1 <= size <= _MAX_CHANNELS for size in sizes[:2]) or not all(1 <= k <= _MAX_KERNEL for k in sizes[2:]):
                raise ValueError("channels or kernel sizes out of range")
            if not 1 <= len(array.dilations) <= _MAX_LAYERS or len(array.dilations) != len(array.kernel_sizes):
                raise ValueError("the number of layers")
            if not all(1 <= d <= _MAX_DILATION for d in array.dilations):
                raise ValueError("dilations out of range")
            if array.activation not in ACTIVATIONS or not abs(array.slope) <= 1:
                raise ValueError("an unknown activation")
        if not 0 <= self.controls <= MOST or not 1 <= self.film_hidden <= _MAX_CHANNELS:
            raise ValueError("the number of knobs, or of units behind them")
        if self.receptive_field > _MAX_RECEPTIVE_FIELD:
            raise ValueError("the receptive field is too long")

    def _sizes(self) -> dict[str, int]:
        sizes = {}
        for name, shape in self.weight_shapes().items():
            sizes[name] = 1
            for n in shape:
                sizes[name] *= n
        return sizes


def _array(item: dict) -> ArrayConfig:
    kernels = item["kernel_sizes"] if "kernel_sizes" in item else [item["kernel_size"]]  # models before 0.2 have one number
    return ArrayConfig(
        channels=int(item["channels"]),
        head=int(item["head"]),
        dilations=tuple(int(d) for d in item["dilations"]),
        kernel_sizes=tuple(int(k) for k in kernels),
        head_bias=bool(item["head_bias"]),
        head_kernel=int(item.get("head_kernel", 1)),
        activation=str(item.get("activation", "tanh")),
        slope=float(item.get("slope", 0.01)),
        gated=bool(item.get("gated", False)),
    )


_TEN_OCTAVES = tuple(2**i for i in range(10))
_SEVEN_OCTAVES = tuple(2**i for i in range(7))
_SHUFFLED = (128, 256, 512) + _TEN_OCTAVES


def _two_arrays(size: str, first: int, second: int, dilations: tuple[tuple[int, ...], tuple[int, ...]]) -> TCNConfig:
    return TCNConfig((ArrayConfig(first, second, dilations[0]), ArrayConfig(second, 1, dilations[1], head_bias=True)), size)


SIZES = {
    "standard": _two_arrays("standard", 16, 8, (_TEN_OCTAVES, _TEN_OCTAVES)),
    "large": _two_arrays("large", 32, 16, (_TEN_OCTAVES, _TEN_OCTAVES)),
    "lite": _two_arrays("lite", 12, 6, (_SEVEN_OCTAVES, _SHUFFLED)),
    "feather": _two_arrays("feather", 8, 4, (_SEVEN_OCTAVES, _SHUFFLED)),
    "nano": _two_arrays("nano", 4, 2, (_SEVEN_OCTAVES, _SHUFFLED)),
    "single": TCNConfig((ArrayConfig(8, 1, _TEN_OCTAVES, head_bias=True),), "single"),
}
"""Those of Neural Amp Modeler, `large` with twice the channels of `standard`, and `single` with half the layers of `feather`."""
