"""TCNs on the fused engine: the tables and the memory that `tcn_kernel` works on."""

from __future__ import annotations

import numpy as np

from fxlab.engines.fused.matrix import pack, tiles
from fxlab.engines.fused.processor import FusedProcessor, aligned
from fxlab.engines.fused.tcn_kernel import ARRAY, CHUNK, FILM, LAYER, MATRIX, RING, play_tcn, ring_size
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.model import Model
from fxlab.models.tcn_config import TCNConfig

_NONE = np.zeros((), MATRIX)[()]


class FusedTCN(FusedProcessor):
    """Runs a TCN in one compiled call per block, without allocation, lock or the interpreter."""

    _kernel = staticmethod(play_tcn)

    def __init__(self, model: Model) -> None:
        super().__init__(model)
        self.plan = Plan(model)

    def _arrays(self) -> tuple[np.ndarray, ...]:
        plan = self.plan
        memories = aligned(self.channels * plan.memory)
        positions = np.zeros(self.channels * (len(plan.layers) + len(plan.arrays)), np.int64)
        self._state = {"memories": memories, "positions": positions}
        scratch, taps = aligned((2 + 4 * plan.widest) * CHUNK), np.zeros(plan.most_taps, np.int64)
        fixed = plan.arrays, plan.layers, plan.weights, plan.tiles, memories, positions, scratch, taps
        film, knobs = plan.film[0], self._knobs
        rows = aligned((1 + film["controls"] + film["hidden"] + 2 * plan.widest) * CHUNK)
        return *fixed, plan.film, knobs.still.ravel(), knobs.moving, knobs.table, np.full_like(knobs.still, np.nan).ravel(), rows


class Plan:
    """A TCN's tables for `play_tcn`: records of its layers and arrays, packed weights, tiles, the size of its rings."""

    def __init__(self, model: Model) -> None:
        config: TCNConfig = model.config
        self._parts: list[np.ndarray] = []
        self._tiles: list[int] = []
        self._packed = 0
        self.memory = 0
        self.layers = np.zeros(sum(len(array.dilations) for array in config.arrays), LAYER)
        self.arrays = np.zeros(len(config.arrays), ARRAY)
        self.widest = max(array.pre_activations for array in config.arrays)
        self.most_taps = max(max(*array.kernel_sizes, array.head_kernel) for array in config.arrays)
        hidden = config.film_hidden if config.controls else 0
        behind_knobs = self._matrix(model.weights["film.weight"], model.weights["film.bias"]) if hidden else _NONE
        self.film = np.array([(config.controls, hidden, CHUNK, behind_knobs)], FILM)
        index, inputs = 0, 1
        for i, array in enumerate(config.arrays):
            first = index
            for j, (taps, dilation, history) in enumerate(zip(array.kernel_sizes, array.dilations, array.histories, strict=True)):
                at = f"arrays.{i}.layers.{j}"
                w = {
                    name: model.weights[f"{at}.{name}"]
                    for name in ("conv.weight", "conv.bias", "residual.weight", "residual.bias")
                }
                conv = self._matrix(w["conv.weight"], w["conv.bias"], model.weights[f"{at}.mixin.weight"][:, 0, 0])
                residual = self._matrix(w["residual.weight"], w["residual.bias"])
                folded, film = conv["weights"], _NONE
                if hidden:
                    folded = self._room(array.pre_activations * (1 + array.channels * taps + 1))
                    film = self._matrix(model.weights[f"{at}.film.weight"], model.weights[f"{at}.film.bias"])
                self.layers[index] = (self._ring(array.channels, history), taps, dilation, conv, folded, residual, film)
                index += 1
            at = f"arrays.{i}"
            self.arrays[i] = (
                first,
                index,
                inputs,
                array.channels,
                array.head,
                ACTIVATIONS.index(array.activation),
                array.slope,
                model.weights["scale"] if i + 1 == len(config.arrays) else 1.0,
                array.gated,
                self._matrix(model.weights[f"{at}.expand.weight"]),
                self._matrix(model.weights[f"{at}.head.weight"], model.weights.get(f"{at}.head.bias")),
                array.head_kernel,
                self._ring(array.channels, array.head_kernel - 1),
            )
            inputs = array.channels
        self.weights = np.concatenate(self._parts)
        self.tiles = np.array(self._tiles, np.int64)

    def _matrix(self, weight: np.ndarray, bias: np.ndarray | None = None, extra: np.ndarray | None = None) -> np.void:
        packed, sizes = pack(weight, bias, extra), tiles(len(weight))
        record = np.array((self._room(len(packed)), len(self._tiles), len(sizes)), MATRIX)[()]
        self._parts[-1][:] = packed
        self._tiles += sizes
        return record

    def _room(self, size: int) -> int:
        """Where so many floats begin among the weights."""
        self._parts.append(np.zeros(size, np.float32))
        self._packed += size
        return self._packed - size

    def _ring(self, channels: int, history: int) -> np.void:
        size = ring_size(history)
        row = size + CHUNK  # both multiples of a cache line
        ring = np.array((self.memory, row, size, channels), RING)[()]
        self.memory += channels * row
        return ring
