"""What a stack looks like: dense, recurrent and convolutional layers, one after the other; LSTM and GRU networks are such."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import ClassVar

from fxlab.errors import InputError
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.controls import MOST

Shape = tuple[int, ...]

KINDS = ("dense", "lstm", "gru", "conv1d")
_GATES = {"lstm": 4, "gru": 3}
_MAX_WIDTH, _MAX_KERNEL, _MAX_LAYERS, _MAX_MEMORY = 1024, 4096, 64, 1 << 20
WARM_UP = 8192


@dataclass(frozen=True)
class LayerConfig:
    """One layer.

    Args:
        kind: One of `KINDS`. A recurrent layer is torch's (the GRU's reset gate acts after the recurrent product).
        inputs, outputs: Its width before and behind.
        activation: Of dense and conv1d layers, one of `ACTIVATIONS`; recurrent layers have their own.
        kernel_size, dilation: Of conv1d layers, which are causal.
    """

    kind: str
    inputs: int
    outputs: int
    activation: str = "linear"
    kernel_size: int = 1
    dilation: int = 1

    @property
    def recurrent(self) -> bool:
        return self.kind in _GATES

    @property
    def history(self) -> int:
        """Past samples that a conv1d layer remembers of its input."""
        return (self.kernel_size - 1) * self.dilation

    def weight_shapes(self) -> dict[str, Shape]:
        if self.recurrent:
            rows = _GATES[self.kind] * self.outputs
            matrices = {"weight_ih": (rows, self.inputs), "weight_hh": (rows, self.outputs)}
            return {**matrices, "bias_ih": (rows,), "bias_hh": (rows,)}
        kernel = (self.kernel_size,) if self.kind == "conv1d" else ()
        return {"weight": (self.outputs, self.inputs, *kernel), "bias": (self.outputs,)}

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        if self.recurrent:
            return {name: (self.outputs, 1) for name in (("hidden", "cell") if self.kind == "lstm" else ("hidden",))}
        return {"past": (self.inputs, self.history)} if self.history else {}


@dataclass(frozen=True)
class StackConfig:
    """Layers from one input to one output.

    Args:
        layers: In order. Inputs that the first has besides the dry signal are knobs.
        skip: The dry signal is added to the output.
        warm_up: Samples that recurrent layers are given to forget where they started; counts as their receptive field.
    """

    layers: tuple[LayerConfig, ...]
    skip: bool = False
    warm_up: int = WARM_UP
    size: str = "custom"
    kind: ClassVar[str] = "stack"

    @property
    def controls(self) -> int:
        """Knobs."""
        return self.layers[0].inputs - 1

    def with_controls(self, controls: int) -> StackConfig:
        """The same network with so many knobs."""
        return replace(self, layers=(replace(self.layers[0], inputs=1 + controls), *self.layers[1:]))

    @property
    def recurrent(self) -> bool:
        return any(layer.recurrent for layer in self.layers)

    @property
    def receptive_field(self) -> int:
        """Input samples that one output sample depends on; of recurrent layers, those that it notably depends on."""
        return 1 + sum(layer.history for layer in self.layers) + (self.warm_up if self.recurrent else 0)

    @property
    def macs_per_sample(self) -> int:
        """Multiply-accumulates per output sample."""
        sizes = ((name, _size(shape)) for name, shape in self.weight_shapes().items())
        return sum(size for name, size in sizes if name.rpartition(".")[2].startswith("weight"))

    @property
    def parameters_count(self) -> int:
        return sum(_size(shape) for shape in self.weight_shapes().values())

    def weight_shapes(self) -> dict[str, Shape]:
        """Name to shape of every weight, in the order of the network's state dict."""
        return {f"layers.{i}.{k}": shape for i, layer in enumerate(self.layers) for k, shape in layer.weight_shapes().items()}

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (features, frames) of every memory."""
        return {f"layer{i}_{k}": shape for i, layer in enumerate(self.layers) for k, shape in layer.state_shapes().items()}

    def to_json(self) -> dict:
        return asdict(self) | {"layers": [asdict(layer) for layer in self.layers]}

    @classmethod
    def from_json(cls, data: dict) -> StackConfig:
        """The config from its plain form; raises `InputError` for anything else, before anything is allocated."""
        try:
            layers = tuple(
                LayerConfig(
                    kind=str(item["kind"]),
                    inputs=int(item["inputs"]),
                    outputs=int(item["outputs"]),
                    activation=str(item["activation"]),
                    kernel_size=int(item["kernel_size"]),
                    dilation=int(item["dilation"]),
                )
                for item in data["layers"]
            )
            config = cls(layers, bool(data["skip"]), int(data["warm_up"]), str(data.get("size", "custom")))
            config.check()
            return config
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError(
                "The model's layer configuration can't be understood.", "Export it again with `fxlab export`."
            ) from None

    def check(self) -> None:
        """Raises `ValueError` for layers that don't fit together or that no model has."""
        layers = self.layers
        if not 1 <= len(layers) <= _MAX_LAYERS or not 1 <= layers[0].inputs <= 1 + MOST or layers[-1].outputs != 1:
            raise ValueError("the number of layers, inputs or outputs")
        if any(before.outputs != after.inputs for before, after in zip(layers, layers[1:], strict=False)):
            raise ValueError("a layer doesn't have as many inputs as the one before has outputs")
        for layer in layers:
            if layer.kind not in KINDS or layer.activation not in ACTIVATIONS:
                raise ValueError("an unknown layer or activation")
            if layer.kind != "conv1d" and (layer.kernel_size, layer.dilation) != (1, 1):
                raise ValueError("a kernel in a layer that has none")
            if not (1 <= layer.inputs <= _MAX_WIDTH and 1 <= layer.outputs <= _MAX_WIDTH):
                raise ValueError("a layer's width is out of range")
            if not (1 <= layer.kernel_size <= _MAX_KERNEL and layer.dilation >= 1 and layer.history <= _MAX_MEMORY):
                raise ValueError("a kernel is out of range")
        if not 0 <= self.warm_up <= _MAX_MEMORY or self.receptive_field > 2 * _MAX_MEMORY:
            raise ValueError("the memory is too long")


def recurrent(cell: str, hidden: int) -> StackConfig:
    """One recurrent layer ("lstm" or "gru") and a dense output."""
    return StackConfig((LayerConfig(cell, 1, hidden), LayerConfig("dense", hidden, 1)), size=f"{cell}-{hidden}")


LSTM_SIZES = {str(hidden): recurrent("lstm", hidden) for hidden in (16, 32, 64)}
GRU_SIZES = {str(hidden): recurrent("gru", hidden) for hidden in (16, 32)}


def _size(shape: Shape) -> int:
    product = 1
    for n in shape:
        product *= n
    return product
