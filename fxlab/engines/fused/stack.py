"""Stacks on the fused engine: the table and the memory that `stack_kernel` works on."""

from __future__ import annotations

import numpy as np

from fxlab.engines.fused.packing import pack_affine, pack_gru, pack_lstm, pack_mix, width_of
from fxlab.engines.fused.processor import FusedProcessor, aligned
from fxlab.engines.fused.stack_kernel import LAYER, play_stack
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.model import Model, Weights
from fxlab.models.stack_config import KINDS, LayerConfig

_CHUNK = 64
_LINE = 16  # floats of a cache line
_PACKED = {"dense": pack_affine, "conv1d": pack_affine, "lstm": pack_lstm, "gru": pack_gru}
_WEIGHTS = ("input_weights", "bias", "weights", "bias_n")


class FusedStack(FusedProcessor):
    """Runs a stack in one compiled call per block, without allocation, lock or the interpreter."""

    _kernel = staticmethod(play_stack)

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.config = model.config
        self._layers, self._weights = _table(model.config.layers, model.weights)

    def _arrays(self) -> tuple[np.ndarray, ...]:
        table, knobs = self._layers, self._knobs
        # What a convolution remembers is moved once a chunk: the longer it is, the less often that should be.
        chunk = max(_CHUNK, min(max(table["past"]), self.max_block))
        widest = np.where(np.arange(len(table)) == 0, 1 + len(self.controls), table["step"])
        table["line"], lines = _places((table["past"] + chunk) * widest)
        table["memory"], memory = _places(2 * table["width"] + table["past"] * table["step"])
        if self.controls:
            table[-1]["line"], table[-1]["memory"] = table[0]["line"], table[0]["memory"]
        memories = aligned(self.channels * memory)
        self._state = {"memories": memories}
        numbers = np.array([chunk, self.config.skip], np.int64)
        fixed = table, self._weights, memories, aligned(lines), aligned(chunk * 4 * max(table["width"])), numbers
        folded = np.full(len(self.controls), np.nan, np.float32)
        return *fixed, knobs.still.ravel(), knobs.moving, knobs.table, folded


def _table(layers: tuple[LayerConfig, ...], weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Records of the layers, without places in lines and memory, and their weights.

    Where there are knobs, the first layer is there twice: in front as it is while they stand, its weights for them in its bias
    (unless it remembers where they stood), and at the end with all its inputs.
    """
    knobs = layers[0].inputs - 1
    table, parts, step = np.zeros(len(layers) + (2 if knobs else 1), LAYER), [], 1 + knobs
    for i, (layer, row) in enumerate(zip(layers, table, strict=False)):
        tensors = [weights[f"layers.{i}.{name}"] for name in layer.weight_shapes()]
        row["kind"], row["units"], row["width"] = KINDS.index(layer.kind), layer.outputs, width_of(layer.outputs)
        row["activation"], row["past"], row["step"] = ACTIVATIONS.index(layer.activation), layer.history, step
        row["inputs"], row["taps"], row["dilation"] = layer.inputs, layer.kernel_size, layer.dilation
        if i > 0 and layer.kind in ("dense", "conv1d") and layer.outputs == 1 and step % 8 == 0:
            row["width"], packed = 1, pack_mix(*tensors, step)
        else:
            packed = _PACKED[layer.kind](*tensors)
            if layer.kind == "conv1d" and layer.dilation == 1 and step == layer.inputs:
                # Without padding between them, neighbouring frames are as good as one frame with more inputs.
                row["inputs"], row["taps"] = layer.inputs * layer.kernel_size, 1
        for name, part in zip(_WEIGHTS, packed, strict=False):
            row[name] = len(parts)  # its number, until the places of all are known
            parts.append(part)
        step = int(row["width"])
    table[len(layers)]["step"] = step
    if knobs:
        table[-1] = table[0]
    if knobs and not layers[0].history:
        first, *others = (weights[f"layers.0.{name}"] for name in layers[0].weight_shapes())
        table[0]["inputs"], table[0]["step"] = 1, 1
        table[0]["input_weights"], table[0]["bias"] = len(parts), len(parts) + 1
        parts += _PACKED[layers[0].kind](first[:, :1], *others)[:2]
    places, room = _places(np.array([len(part) for part in parts]))
    for name in _WEIGHTS:
        table[name] = places[table[name]]
    flat = aligned(room)
    for place, part in zip(places, parts, strict=True):
        flat[place : place + len(part)] = part
    return table, flat


def _places(sizes: np.ndarray) -> tuple[np.ndarray, int]:
    """Where things of these sizes begin when each begins on a cache line, and the room that all take."""
    ends = np.cumsum(-(-sizes // _LINE) * _LINE)
    return np.concatenate(([0], ends[:-1])), int(ends[-1])
