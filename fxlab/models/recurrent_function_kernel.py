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

from fxlab.kernels.approximations import saturating_sigmoid, saturating_tanh
from fxlab.kernels.vectors import OPTIONS, constant, fma, load, spread, store

LSTM, GRU = 0, 1
"""Gate orders: input, forget, new, output; and reset, update, new from h, new from x."""

LANES = 8
"""Units that are worked on together."""

ROWS = 4
"""Rows of a product that are worked on together."""

FILLED = 16
"""Frames of input that are copied into `rows` at once, as they are far apart in x."""

_SUMMED = 64  # terms of a weight gradient that are summed before they are added to the total: their data fit the cache

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
                store(slope_row, (r, j), constant(0.0, LANES))
        for b in range(len(blocks)):
            k, k_end, g, g_end, _ = blocks[b]
            if k < units + inputs:
                _multiply(here, transposed, slope_row, 0, batch, g, g_end, k, min(_up(k_end, LANES), wanted), True)
        for r in range(batch):
            for j in range(0, whole, LANES):
                store(slope_x, (r, t, j), _load(slope_row, (r, units + j)))
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
                store(rows, (t % places, r, j), constant(0.0, LANES))
            rows[t % places, r, units + inputs] = 1.0
    for r in range(len(x)):
        for t in range(first, last):
            for j in range(0, whole, LANES):
                store(rows, (t % places, r, units + j), _load(x, (r, t, j)))
        for j in range(whole, inputs):
            for t in range(first, last):
                rows[t % places, r, units + j] = x[r, t, j]


@njit(forceinline=True, **OPTIONS)
def _load(array, index):
    return load(array, index, LANES)


@njit(forceinline=True, **OPTIONS)
def _spread(array, index):
    return spread(array, index, LANES)


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
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = constant(0.0, LANES)
            if add:
                c00, c01, c10, c11 = _load(c, (i, j)), _load(c, (i, k)), _load(c, (i + 1, j)), _load(c, (i + 1, k))
                c20, c21, c30, c31 = _load(c, (i + 2, j)), _load(c, (i + 2, k)), _load(c, (i + 3, j)), _load(c, (i + 3, k))
            for n in range(first, last):
                b0, b1 = _load(b, (n, j)), _load(b, (n, k))
                a0, a1, a2, a3 = _spread(a, (i, n)), _spread(a, (i + 1, n)), _spread(a, (i + 2, n)), _spread(a, (i + 3, n))
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
            c0 = c1 = c2 = c3 = constant(0.0, LANES)
            if add:
                c0, c1, c2, c3 = _load(c, (i, j)), _load(c, (i + 1, j)), _load(c, (i + 2, j)), _load(c, (i + 3, j))
            for n in range(first, last):
                b0 = _load(b, (n, j))
                c0, c1 = c0 + _spread(a, (i, n)) * b0, c1 + _spread(a, (i + 1, n)) * b0
                c2, c3 = c2 + _spread(a, (i + 2, n)) * b0, c3 + _spread(a, (i + 3, n)) * b0
            store(c, (i, j), c0)
            store(c, (i + 1, j), c1)
            store(c, (i + 2, j), c2)
            store(c, (i + 3, j), c3)


@njit(**OPTIONS)
def _lstm(gates, before, after, row, out, t):
    """One frame of all rows; the gates come before their activation and stay after it."""
    units = out.shape[2]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            i, f = saturating_sigmoid(_load(gates, (r, j))), saturating_sigmoid(_load(gates, (r, units + j)))
            new, o = saturating_tanh(_load(gates, (r, 2 * units + j))), saturating_sigmoid(_load(gates, (r, 3 * units + j)))
            store(gates, (r, j), i)
            store(gates, (r, units + j), f)
            store(gates, (r, 2 * units + j), new)
            store(gates, (r, 3 * units + j), o)
            store(after, (r, j), fma(f, _load(before, (r, j)), i * new))
    for r in range(len(out)):
        for j in range(0, units, LANES):
            h = _load(gates, (r, 3 * units + j)) * saturating_tanh(_load(after, (r, j)))
            store(row, (r, j), h)
            store(out, (r, t, j), h)


@njit(**OPTIONS)
def _lstm_slopes(gates, before, row, slope_out, t, slope_row, slope_cell, slopes):
    """Gradients of the gates before their activation and of the old cell; `slope_row` is left zero, to be added to."""
    units = slope_out.shape[2]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            i, f = _load(gates, (r, j)), _load(gates, (r, units + j))
            new, o = _load(gates, (r, 2 * units + j)), _load(gates, (r, 3 * units + j))
            h = _load(row, (r, j))
            squashed = h / (o + _TINY)  # tanh(c); without a way out (o = 0) no gradient comes in, whatever it is
            dh = _load(slope_out, (r, t, j)) + _load(slope_row, (r, j))
            dc = _load(slope_cell, (r, j)) + dh * o * (1.0 - squashed * squashed)
            store(slopes, (r, j), dc * new * i * (1.0 - i))
            store(slopes, (r, units + j), dc * _load(before, (r, j)) * f * (1.0 - f))
            store(slopes, (r, 2 * units + j), dc * i * (1.0 - new * new))
            store(slopes, (r, 3 * units + j), dh * h * (1.0 - o))
            store(slope_cell, (r, j), dc * f)
            store(slope_row, (r, j), constant(0.0, LANES))


@njit(**OPTIONS)
def _gru(gates, row_before, row, out, t):
    """One frame of all rows; the gates come before their activation, and stay as reset, update, new from h, new."""
    units = out.shape[2]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            store(gates, (r, j), saturating_sigmoid(_load(gates, (r, j))))
            store(gates, (r, units + j), saturating_sigmoid(_load(gates, (r, units + j))))
    for r in range(len(out)):
        for j in range(0, units, LANES):
            new = saturating_tanh(_load(gates, (r, 3 * units + j)) + _load(gates, (r, j)) * _load(gates, (r, 2 * units + j)))
            h = new + _load(gates, (r, units + j)) * (_load(row_before, (r, j)) - new)
            store(gates, (r, 3 * units + j), new)
            store(row, (r, j), h)
            store(out, (r, t, j), h)


@njit(**OPTIONS)
def _gru_slopes(gates, row_before, slope_out, t, slope_row, slopes):
    """Gradients of the gates before their activation; `slope_row` keeps what the old state passed on without a gate."""
    units = slope_out.shape[2]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            reset, update = _load(gates, (r, j)), _load(gates, (r, units + j))
            from_h, new = _load(gates, (r, 2 * units + j)), _load(gates, (r, 3 * units + j))
            dh = _load(slope_out, (r, t, j)) + _load(slope_row, (r, j))
            dn = dh * (1.0 - update) * (1.0 - new * new)
            store(slopes, (r, j), dn * from_h * reset * (1.0 - reset))
            store(slopes, (r, units + j), dh * (_load(row_before, (r, j)) - new) * update * (1.0 - update))
            store(slopes, (r, 2 * units + j), dn * reset)
            store(slopes, (r, 3 * units + j), dn)
            store(slope_row, (r, j), dh * update)
