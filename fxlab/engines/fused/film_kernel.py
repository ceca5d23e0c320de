"""What knobs do to a TCN's layers: they scale and shift what goes into the activations.

While knobs stand, that is folded into the weights, which costs a block nothing. While one moves, factors and offsets are
computed for every frame of a chunk, of all layers by the same products as everything else.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.engines.fused.matrix import product
from fxlab.kernels.approximations import exp, tanh

_INT = np.int64
MATRIX = np.dtype([("weights", _INT), ("tiles", _INT), ("n_tiles", _INT)])
FILM = np.dtype([("controls", _INT), ("hidden", _INT), ("row", _INT), ("matrix", MATRIX)])
"""Knobs, units behind them, floats from a row of the scratch to the next, the units' weights."""


@njit(nogil=True, error_model="numpy")
def moved(still, folded):
    """Whether knobs stand elsewhere than where they did for the weights that are folded."""
    different = False
    for k in range(len(still)):
        different |= still[k] != folded[k]
    return different


@njit(nogil=True, error_model="numpy")
def hear(places, first, step, rows, film, weights, tiles, taps, frames):
    """Places of the knobs, from `first` on and at the distance `step`, to the rows of the units behind them.

    Args:
        rows: Flat float32 scratch: a row of zeros, a row per knob, one per unit, two per pre-activation of the widest layer.
    """
    for k in range(film.controls):
        at = (1 + k) * film.row
        for t in range(frames):
            rows[at + t] = places[first + k * step + t]
    units = (1 + film.controls) * film.row
    _multiply(rows, film.row, film.controls, film.matrix, units, film.row, weights, tiles, taps, frames)
    for u in range(units, units + film.hidden * film.row, film.row):
        row = rows[u : u + frames]
        for t in range(frames):
            row[t] = tanh(row[t])


@njit(nogil=True, error_model="numpy")
def film_of(layer, rows, film, weights, tiles, taps, frames):
    """The rows of a layer's films, the logarithms of the factors before the offsets, from those of the units; where they are."""
    units = (1 + film.controls) * film.row
    out = units + film.hidden * film.row
    _multiply(rows, units, film.hidden, layer.film, out, film.row, weights, tiles, taps, frames)
    return out


@njit(nogil=True, error_model="numpy")
def scale_and_shift(layer, scratch, z, stride, outputs, rows, film, weights, tiles, taps, frames):
    """A layer's pre-activations, `outputs` rows of `scratch` from `z` on, by its films."""
    log = film_of(layer, rows, film, weights, tiles, taps, frames)
    offset = log + outputs * film.row
    for c in range(outputs):
        x = scratch[z + c * stride : z + c * stride + frames]
        logs, offsets = rows[log + c * film.row :][:frames], rows[offset + c * film.row :][:frames]
        for t in range(frames):
            x[t] = x[t] * exp(logs[t]) + offsets[t]


@njit(nogil=True, error_model="numpy")
def fold(layer, steps, rows, at, row, weights, tiles):
    """Writes a layer's weights with the films of a single frame in them, where its `folded` ones go.

    Args:
        steps: Weights that each output has besides its bias.
    """
    source, target, units = layer.conv.weights, layer.folded, 0
    for index in range(layer.conv.n_tiles):
        units += tiles[layer.conv.tiles + index]
    first = 0
    for index in range(layer.conv.n_tiles):
        m = tiles[layer.conv.tiles + index]
        for c in range(m):
            factor = np.exp(rows[at + (first + c) * row])
            for step in range(steps + 1):
                weights[target + step * m + c] = factor * weights[source + step * m + c]
            weights[target + c] += rows[at + (units + first + c) * row]
        first += m
        source += m * (steps + 1)
        target += m * (steps + 1)


@njit(nogil=True, error_model="numpy")
def _multiply(rows, source, inputs, matrix, target, row, weights, tiles, taps, frames):
    taps[0] = source
    product(
        rows,
        taps,
        1,
        inputs,
        row,
        rows,
        0,
        0,
        weights,
        matrix.weights,
        tiles,
        matrix.tiles,
        matrix.n_tiles,
        rows,
        0,
        0,
        rows,
        target,
        row,
        frames,
    )
