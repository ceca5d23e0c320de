"""One LSTM or GRU layer over a whole sequence, forward and backward, for a few rows of a batch at once.

Both layers are one scheme. In every frame the row [h | x | 1] (the last output, the input, a one for the biases) is multiplied
by a weight matrix into four gates per unit, in the order of `LSTM` or `GRU`; the cell turns the gates and the old state into
the new one. Backwards in time the cell turns the gradient of the state into that of the gates, the transposed weights turn it
into that of the row, and the products of rows and gate gradients, summed over frames, are the gradient of the weights.

A GRU's gates "new from h" and "new from x" each see a part of the row only, so the weight matrix has blocks of zeros; `blocks`
lists the parts that are not zero as (first column of the row, end, first gate column, end, whether gates were begun before).

Sizes are padded: units to whole lanes, rows of the batch and the columns of a block to multiples of four. What is kept for the
way back has time along the first axis, so that what a frame needs lies together. All arrays are C-contiguous.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.lanes import LANES, OPTIONS, clamp, constant, load, spread, store

LSTM, GRU = 0, 1
"""Gate orders: input, forget, new, output; and reset, update, new from h, new from x."""

ROWS = 4
"""Rows of a product that are worked on together."""

FILLED = 16
"""Frames of input that are copied into `rows` at once, as they are far apart in x."""

_SUMMED = 64  # terms of a weight gradient that are summed before they are added to the total: their data fit the cache

# Minimax fit of tanh on [-9.2, 9.2] by x P(x^2) / Q(x^2), found by iterated weighted least squares: error 2.3e-8, in float32
# 3.3e-7, relatively too; beyond it is exactly 1, so that a gate that is wide open or shut leaks nothing.
_END = 9.2
_P = (0.9999998853346633, 0.1335973742924723, 0.00347067718909619, 2.021330262657193e-05, 1.2832020264686166e-08)
_Q = (1.0, 0.46693026658973724, 0.02578126252835177, 0.00032455131925558385, 7.557234481397221e-07)

# The same for (tanh(x / 2)) / 2, the sigmoid less its half.
_HALF_P = tuple(p / 4 ** (k + 1) for k, p in enumerate(_P))
_HALF_Q = tuple(q / 4**k for k, q in enumerate(_Q))

_TINY = 1e-30


@njit(cache=True, **OPTIONS)
def forward(kind, blocks, x, rows, cells, gates, weights, out):
    """Runs the layer; fills `rows` but for the first h, `cells` but for the first, `gates` and `out`.

    Args:
        kind: `LSTM` or `GRU`.
        blocks: int64 (n, 5), see above.
        x: (batch, frames, inputs).
        rows: (frames + 1, batch, columns), each row [h | x | 1]; the first h is the initial state, the last has h alone.
        cells: (frames + 1, batch, units), the first is the initial state; of no use to a GRU.
        gates: (frames, batch, 4 units).
        weights: (columns, at least 4 units).
        out: (batch, frames, units).

    Whoever doesn't want to go back gives only `FILLED` rows, one cell and the gates of one frame: places are used in turn.
    """
    _, frames, units = out.shape
    for t in range(frames):
        if t % FILLED == 0:
            _fill(x, rows, units, t, min(t + FILLED, frames))
        here, row, row_after = gates[t % len(gates)], rows[t % len(rows)], rows[(t + 1) % len(rows)]
        for b in range(len(blocks)):
            k, k_end, g, g_end, begun = blocks[b]
            _multiply(row, weights, here, 0, len(here), k, k_end, g, g_end, begun != 0)
        if kind == LSTM:
            _lstm(here, cells[t % len(cells)], cells[(t + 1) % len(cells)], row_after, out, t)
        else:
            _gru(here, row, row_after, out, t)


@njit(cache=True, **OPTIONS)
def backward(kind, blocks, rows, cells, gates, transposed, slope_out, slope_row, slope_cell, slope_x, slope_weights):
    """Gradients of what `forward` did, from its `rows`, `cells` and `gates`.

    Args:
        transposed: (4 units, columns), the weights.
        slope_out: (batch, frames, units): gradient of the output.
        slope_row: (batch, columns): in its h part the gradient of the last state, afterwards of the initial one.
        slope_cell: (batch, at least units), likewise.
        slope_x: (batch, frames, inputs): filled with the gradient of the input; empty if nobody wants it.
        slope_weights: like `weights`, of zeros: filled.
    """
    batch, frames, units = slope_out.shape
    columns, inputs = rows.shape[2], slope_x.shape[2]
    wanted, whole = units + _up(inputs, LANES), inputs // LANES * LANES
    chunk = max(1, _SUMMED // batch)
    slopes = np.empty((chunk, batch, slope_weights.shape[1]), np.float32)
    flat_rows, flat_slopes = rows.reshape(-1, columns), slopes.reshape(-1, slopes.shape[2])
    for t in range(frames - 1, -1, -1):
        here = slopes[t % chunk]
        if kind == LSTM:
            _lstm_slopes(gates[t], cells[t], rows[t + 1], slope_out, t, slope_row, slope_cell, here)
        else:
            _gru_slopes(gates[t], rows[t], slope_out, t, slope_row, here)
        for r in range(batch):
            for j in range(units, wanted, LANES):
                store(slope_row, (r, j), constant(0.0))
        for b in range(len(blocks)):
            k, k_end, g, g_end, _ = blocks[b]
            if k < units + inputs:
                _multiply(here, transposed, slope_row, 0, batch, g, g_end, k, min(_up(k_end, LANES), wanted), True)
        for r in range(batch):
            for j in range(0, whole, LANES):
                store(slope_x, (r, t, j), load(slope_row, (r, units + j)))
            for j in range(whole, inputs):
                slope_x[r, t, j] = slope_row[r, units + j]
        if t % chunk == 0:
            count = min(chunk, frames - t) * batch
            past = flat_rows[t * batch : t * batch + count].T
            for b in range(len(blocks)):
                k, k_end, g, g_end, _ = blocks[b]
                _multiply(past, flat_slopes, slope_weights, k, k + _up(k_end - k, ROWS), 0, count, g, g_end, True)


@njit(**OPTIONS)
def _fill(x, rows, units, first, last):
    """The x and the one of the rows of frames first to last."""
    inputs, places = x.shape[2], len(rows)
    whole = inputs // LANES * LANES
    for t in range(first, last):
        for r in range(len(x)):
            for j in range(units, rows.shape[2], LANES):
                store(rows, (t % places, r, j), constant(0.0))
            rows[t % places, r, units + inputs] = 1.0
    for r in range(len(x)):
        for t in range(first, last):
            for j in range(0, whole, LANES):
                store(rows, (t % places, r, units + j), load(x, (r, t, j)))
        for j in range(whole, inputs):
            for t in range(first, last):
                rows[t % places, r, units + j] = x[r, t, j]


@njit(forceinline=True, **OPTIONS)
def _up(size, multiple):
    return (size + multiple - 1) // multiple * multiple


@njit(**OPTIONS)
def _multiply(a, b, c, top, end, first, last, left, right, add):
    """c = a b, or c += a b: rows top to end of a and c, terms first to last, columns left to right of b and c.

    The number of rows is a multiple of `ROWS`, that of columns one of `LANES`.
    """
    for j in range(left, right - LANES, 2 * LANES):
        k = j + LANES
        for i in range(top, end, ROWS):
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = constant(0.0)
            if add:
                c00, c01, c10, c11 = load(c, (i, j)), load(c, (i, k)), load(c, (i + 1, j)), load(c, (i + 1, k))
                c20, c21, c30, c31 = load(c, (i + 2, j)), load(c, (i + 2, k)), load(c, (i + 3, j)), load(c, (i + 3, k))
            for n in range(first, last):
                b0, b1 = load(b, (n, j)), load(b, (n, k))
                a0, a1, a2, a3 = spread(a, (i, n)), spread(a, (i + 1, n)), spread(a, (i + 2, n)), spread(a, (i + 3, n))
                c00, c01, c10, c11 = c00 + a0 * b0, c01 + a0 * b1, c10 + a1 * b0, c11 + a1 * b1
                c20, c21, c30, c31 = c20 + a2 * b0, c21 + a2 * b1, c30 + a3 * b0, c31 + a3 * b1
            store(c, (i, j), c00)
            store(c, (i, k), c01)
            store(c, (i + 1, j), c10)
            store(c, (i + 1, k), c11)
            store(c, (i + 2, j), c20)
            store(c, (i + 2, k), c21)
            store(c, (i + 3, j), c30)
            store(c, (i + 3, k), c31)
    if (right - left) % (2 * LANES):
        j = right - LANES
        for i in range(top, end, ROWS):
            c0 = c1 = c2 = c3 = constant(0.0)
            if add:
                c0, c1, c2, c3 = load(c, (i, j)), load(c, (i + 1, j)), load(c, (i + 2, j)), load(c, (i + 3, j))
            for n in range(first, last):
                b0 = load(b, (n, j))
                c0, c1 = c0 + spread(a, (i, n)) * b0, c1 + spread(a, (i + 1, n)) * b0
                c2, c3 = c2 + spread(a, (i + 2, n)) * b0, c3 + spread(a, (i + 3, n)) * b0
            store(c, (i, j), c0)
            store(c, (i + 1, j), c1)
            store(c, (i + 2, j), c2)
            store(c, (i + 3, j), c3)


@njit(forceinline=True, **OPTIONS)
def _tanh(x):
    x = clamp(x, constant(_END))
    z = x * x
    p = (((z * _P[4] + _P[3]) * z + _P[2]) * z + _P[1]) * z + _P[0]
    q = (((z * _Q[4] + _Q[3]) * z + _Q[2]) * z + _Q[1]) * z + _Q[0]
    return x * p / q


@njit(forceinline=True, **OPTIONS)
def _sigmoid(x):
    x = clamp(x, constant(2.0 * _END))
    z = x * x
    p = (((z * _HALF_P[4] + _HALF_P[3]) * z + _HALF_P[2]) * z + _HALF_P[1]) * z + _HALF_P[0]
    q = (((z * _HALF_Q[4] + _HALF_Q[3]) * z + _HALF_Q[2]) * z + _HALF_Q[1]) * z + _HALF_Q[0]
    return x * p / q + 0.5


@njit(**OPTIONS)
def _lstm(gates, before, after, row, out, t):
    """One frame of all rows; the gates come before their activation and stay after it."""
    units = out.shape[2]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            i, f = _sigmoid(load(gates, (r, j))), _sigmoid(load(gates, (r, units + j)))
            new, o = _tanh(load(gates, (r, 2 * units + j))), _sigmoid(load(gates, (r, 3 * units + j)))
            store(gates, (r, j), i)
            store(gates, (r, units + j), f)
            store(gates, (r, 2 * units + j), new)
            store(gates, (r, 3 * units + j), o)
            store(after, (r, j), f * load(before, (r, j)) + i * new)
    for r in range(len(out)):
        for j in range(0, units, LANES):
            h = load(gates, (r, 3 * units + j)) * _tanh(load(after, (r, j)))
            store(row, (r, j), h)
            store(out, (r, t, j), h)


@njit(**OPTIONS)
def _lstm_slopes(gates, before, row, slope_out, t, slope_row, slope_cell, slopes):
    """Gradients of the gates before their activation and of the old cell; `slope_row` is left zero, to be added to."""
    units = slope_out.shape[2]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            i, f = load(gates, (r, j)), load(gates, (r, units + j))
            new, o = load(gates, (r, 2 * units + j)), load(gates, (r, 3 * units + j))
            h = load(row, (r, j))
            squashed = h / (o + _TINY)  # tanh(c); without a way out (o = 0) no gradient comes in, whatever it is
            dh = load(slope_out, (r, t, j)) + load(slope_row, (r, j))
            dc = load(slope_cell, (r, j)) + dh * o * (1.0 - squashed * squashed)
            store(slopes, (r, j), dc * new * i * (1.0 - i))
            store(slopes, (r, units + j), dc * load(before, (r, j)) * f * (1.0 - f))
            store(slopes, (r, 2 * units + j), dc * i * (1.0 - new * new))
            store(slopes, (r, 3 * units + j), dh * h * (1.0 - o))
            store(slope_cell, (r, j), dc * f)
            store(slope_row, (r, j), constant(0.0))


@njit(**OPTIONS)
def _gru(gates, row_before, row, out, t):
    """One frame of all rows; the gates come before their activation, and stay as reset, update, new from h, new."""
    units = out.shape[2]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            store(gates, (r, j), _sigmoid(load(gates, (r, j))))
            store(gates, (r, units + j), _sigmoid(load(gates, (r, units + j))))
    for r in range(len(out)):
        for j in range(0, units, LANES):
            new = _tanh(load(gates, (r, 3 * units + j)) + load(gates, (r, j)) * load(gates, (r, 2 * units + j)))
            h = new + load(gates, (r, units + j)) * (load(row_before, (r, j)) - new)
            store(gates, (r, 3 * units + j), new)
            store(row, (r, j), h)
            store(out, (r, t, j), h)


@njit(**OPTIONS)
def _gru_slopes(gates, row_before, slope_out, t, slope_row, slopes):
    """Gradients of the gates before their activation; `slope_row` keeps what the old state passed on without a gate."""
    units = slope_out.shape[2]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            reset, update = load(gates, (r, j)), load(gates, (r, units + j))
            from_h, new = load(gates, (r, 2 * units + j)), load(gates, (r, 3 * units + j))
            dh = load(slope_out, (r, t, j)) + load(slope_row, (r, j))
            dn = dh * (1.0 - update) * (1.0 - new * new)
            store(slopes, (r, j), dn * from_h * reset * (1.0 - reset))
            store(slopes, (r, units + j), dh * (load(row_before, (r, j)) - new) * update * (1.0 - update))
            store(slopes, (r, 2 * units + j), dn * reset)
            store(slopes, (r, 3 * units + j), dn)
            store(slope_row, (r, j), dh * update)
