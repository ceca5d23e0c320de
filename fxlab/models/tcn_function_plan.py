"""How a TCN lies in memory for `tcn_function_kernel`: its layers, buffers and matrices, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from fxlab.models.tcn_config import TCNConfig
from fxlab.models.tcn_function_products import CHUNK, LANES, ROWS, SIDE

_INT = np.int64
ZEROS = CHUNK * SIDE
"""Where in the memory the zeros are, behind the side."""

LAYER = np.dtype(
    [
        ("taps", _INT),
        ("dilation", _INT),
        ("context", _INT),
        ("history", _INT),
        ("ring", _INT),
        ("size", _INT),
        ("input", _INT),
        ("kept", _INT),
        ("conv", _INT),
        ("side", _INT),
        ("residual", _INT),
        ("shift", _INT),
        ("conv_back", _INT),
        ("residual_back", _INT),
    ]
)
"""Of a layer: kernel size and dilation; past frames that its output needs, and those that it needs itself of its input; where in
the memory its ring begins, and frames before that starts again; where its input is while gradients are computed; where its
activations are among those of a chunk; where its matrices begin: convolution (a tap after the other), side to pre-activations,
residual product, side to output; then the first and third transposed, for the way back."""

ARRAY = np.dtype(
    [
        ("first", _INT),
        ("last", _INT),
        ("channels", _INT),
        ("width", _INT),
        ("inputs", _INT),
        ("head", _INT),
        ("heads", _INT),
        ("head_slope", _INT),
        ("output", _INT),
        ("slope", _INT),
        ("expand", _INT),
        ("expand_back", _INT),
        ("mix", _INT),
        ("shift", _INT),
        ("mix_back", _INT),
    ]
)
"""Of an array: its layers; channels, and with padding; channels before it; outputs of its head; where in the memory the sum of
its heads is, that sum's gradient, its output and that one's gradient; its matrices: input to channels (and transposed), heads
to the next heads, side to these (and the first transposed)."""


@dataclass(frozen=True)
class Plan:
    """How a network lies in memory.

    Args:
        arrays, layers: Records of `ARRAY` and `LAYER`.
        memory: Floats that a row needs while it is worked on.
        kept: Floats of a chunk's activations.
        context: Past frames that an output needs.
        sources: For every float of the packed weights its place among all weights one after the other; behind them is a zero.
        places: For every weight its place among the packed ones.
        sizes: Floats of every weight tensor.
        unused: Which of them no output depends on.
        learnt: Floats of the packed weights that aren't transposed.
    """

    arrays: np.ndarray
    layers: np.ndarray
    memory: int
    kept: int
    context: int
    sources: np.ndarray
    places: np.ndarray
    sizes: list[int]
    unused: list[bool]
    learnt: int


class _Packer:
    """Lays matrices of places one behind the other."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, *matrices: np.ndarray) -> int:
        """Adds matrices (rows, columns), padded by -1; returns where the first begins."""
        begin = self.size
        for matrix in matrices:
            padded = np.full((_up(len(matrix), ROWS), _up(matrix.shape[1], LANES)), -1)
            padded[: len(matrix), : matrix.shape[1]] = matrix
            for v in range(0, padded.shape[1], 2 * LANES):
                self.parts.append(padded[:, v : v + 2 * LANES].ravel())
            self.size += padded.size
        return begin


@cache
def plan(config: TCNConfig) -> Plan:
    """The plan of a network, made once."""
    shapes = weight_shapes(config)
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    starts = np.cumsum([0, *sizes])
    places = {
        name: np.arange(start, start + size).reshape(shape)
        for (name, shape), start, size in zip(shapes.items(), starts, sizes, strict=False)
    }
    packer = _Packer()
    memory = kept = 0

    def room(floats: int) -> int:
        nonlocal memory
        memory += floats
        return memory - floats

    room(ZEROS + max(_up(array.channels, LANES) for array in config.arrays))
    arrays, layers = np.zeros(len(config.arrays) + 1, ARRAY), np.zeros(sum(len(a.dilations) for a in config.arrays), LAYER)
    j, context, inputs = 0, 0, 1
    for i, (array, record) in enumerate(zip(config.arrays, arrays, strict=False)):
        width = _up(array.channels, LANES)
        name = f"arrays.{i}"
        nothing = np.full(array.channels, -1)
        record["first"], record["last"] = j, j + len(array.dilations)
        record["channels"], record["width"], record["inputs"], record["heads"] = array.channels, width, inputs, array.head
        for buffer in ("head", "head_slope", "output", "slope"):
            record[buffer] = room(CHUNK * width)
        record["expand"] = packer.add(places[f"{name}.expand.weight"][..., 0].T)
        record["mix"] = packer.add(places[f"{name}.head.weight"][..., 0].T)
        bias = places.get(f"{name}.head.bias", np.full(array.head, -1))
        record["shift"] = packer.add(np.stack([np.full(array.head, -1), bias]))
        for k, (kernel, dilation, history) in enumerate(zip(array.kernel_sizes, array.dilations, array.histories, strict=True)):
            layer, at = layers[j], f"{name}.layers.{k}"
            context, j = context + history, j + 1
            size = _up(history + CHUNK, CHUNK)
            layer["taps"], layer["dilation"], layer["history"], layer["context"] = kernel, dilation, history, context
            layer["ring"], layer["size"], layer["input"] = room((size + CHUNK) * width), size, room(CHUNK * width)
            layer["kept"] = kept
            kept += CHUNK * width
            layer["conv"] = packer.add(*places[f"{at}.conv.weight"].transpose(2, 1, 0))
            layer["side"] = packer.add(np.stack([places[f"{at}.mixin.weight"][:, 0, 0], places[f"{at}.conv.bias"]]))
            layer["residual"] = packer.add(places[f"{at}.residual.weight"][..., 0].T)
            layer["shift"] = packer.add(np.stack([nothing, places[f"{at}.residual.bias"]]))
        inputs = array.channels
    last = arrays[-1]
    last["width"], last["head"], last["head_slope"] = LANES, room(CHUNK * LANES), room(CHUNK * LANES)
    learnt, j = packer.size, 0
    for i, (array, record) in enumerate(zip(config.arrays, arrays, strict=False)):
        record["expand_back"] = packer.add(places[f"arrays.{i}.expand.weight"][..., 0])
        record["mix_back"] = packer.add(places[f"arrays.{i}.head.weight"][..., 0])
        for k in range(len(array.dilations)):
            at = f"arrays.{i}.layers.{k}"
            layers[j]["conv_back"] = packer.add(*places[f"{at}.conv.weight"].transpose(2, 0, 1)[::-1])
            layers[j]["residual_back"] = packer.add(places[f"{at}.residual.weight"][..., 0])
            j += 1
    sources = np.concatenate(packer.parts)
    order = np.flatnonzero(sources[:learnt] >= 0)
    inverse = np.empty(starts[-1], np.int64)
    inverse[sources[order]] = order
    sources[sources < 0] = starts[-1]
    final = f"arrays.{len(config.arrays) - 1}.layers.{len(config.arrays[-1].dilations) - 1}.residual"
    unused = [name.startswith(final) for name in shapes]
    return Plan(arrays, layers, memory, kept, context, sources, inverse, sizes, unused, learnt)


@cache
def weight_shapes(config: TCNConfig) -> dict[str, tuple[int, ...]]:
    """Name to shape of the weights that the kernels know: knobs are in them already, the scale comes later."""
    return {name: shape for name, shape in config.weight_shapes().items() if name != "scale" and "film" not in name}


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
