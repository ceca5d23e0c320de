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


class FusedStack(FusedProcessor):
    """Runs a stack in one compiled call per block, without allocation, lock or the interpreter."""

    _kernel = staticmethod(play_stack)

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.config = model.config
        self._layers, self._weights = _table(model.config.layers, model.weights)

    def _arrays(self) -> tuple[np.ndarray, ...]:
        table = self._layers
        # What a convolution remembers is moved once a chunk: the longer it is, the less often that should be.
        chunk = max(_CHUNK, min(max(table["past"]), self.max_block))
        table["line"], lines = _places((table["past"] + chunk) * table["step"])
        table["memory"], memory = _places(2 * table["width"] + table["past"] * table["step"])
        memories = aligned(self.channels * memory)
        self._state = {"memories": memories}
        numbers = np.array([chunk, self.config.skip], np.int64)
        return table, self._weights, memories, aligned(lines), aligned(chunk * 4 * max(table["width"])), numbers


def _table(layers: tuple[LayerConfig, ...], weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Records of the layers, without places in lines and memory, and their weights."""
    table, parts, step = np.zeros(len(layers) + 1, LAYER), [], 1
    for i, (layer, row) in enumerate(zip(layers, table, strict=False)):
        tensors = [weights[f"layers.{i}.{name}"] for name in layer.weight_shapes()]
        row["kind"], row["units"], row["width"] = KINDS.index(layer.kind), layer.outputs, width_of(layer.outputs)
        row["activation"], row["past"], row["step"] = ACTIVATIONS.index(layer.activation), layer.history, step
        row["inputs"], row["taps"], row["dilation"] = layer.inputs, layer.kernel_size, layer.dilation
        if layer.recurrent:
            packed = pack_lstm(*tensors) if layer.kind == "lstm" else pack_gru(*tensors)
        elif layer.outputs == 1 and step % 8 == 0:
            row["width"], packed = 1, pack_mix(*tensors, step)
        else:
            packed = pack_affine(*tensors)
            if layer.dilation == 1 and step == layer.inputs:
                # Without padding between them, neighbouring frames are as good as one frame with more inputs.
                row["inputs"], row["taps"] = layer.inputs * layer.kernel_size, 1
        for name, part in zip(("input_weights", "bias", "weights", "bias_n"), packed, strict=False):
            row[name] = len(parts)  # its number, until the places of all are known
            parts.append(part)
        step = int(row["width"])
    table[-1]["step"] = step
    places, room = _places(np.array([len(part) for part in parts]))
    for name in ("input_weights", "bias", "weights", "bias_n"):
        table[name] = places[table[name]]
    flat = aligned(room)
    for place, part in zip(places, parts, strict=True):
        flat[place : place + len(part)] = part
    return table, flat


def _places(sizes: np.ndarray) -> tuple[np.ndarray, int]:
    """Where things of these sizes begin when each begins on a cache line, and the room that all take."""
    ends = np.cumsum(-(-sizes // _LINE) * _LINE)
    return np.concatenate(([0], ends[:-1])), int(ends[-1])
