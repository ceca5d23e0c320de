"""One LSTM or GRU layer over a whole sequence, forward and backward, for a few rows of a batch at once.

Both layers are one scheme. In every frame the row [h | 1 | x] (the last output, a one for the biases, the input) is multiplied
by a weight matrix into four gates per unit, in the order of `LSTM` or `GRU`; the cell turns the gates and the old state into
the new one. Backwards in time the cell turns the gradient of the state into that of the gates, the transposed weights turn it
into that of the row, and the products of rows and gate gradients, summed over frames, are the gradient of the weights.

A GRU's gates "new from h" and "new from x" each see a part of the row only, so the weight matrix has blocks of zeros; `blocks`
lists the parts that are not zero as (first column of the row, end, first gate column, end).

Sizes are padded: units to whole lanes, rows of the batch and the columns of a block to multiples of four. Time runs along the
first axis everywhere, so that what a frame needs lies together.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.lanes import LANES, OPTIONS, clamp, constant, load, spread, store

LSTM, GRU = 0, 1
"""Gate orders: input, forget, new, output; and reset, update, new from h, new from x."""

ROWS = 4
"""Rows of a product that are worked on together."""

_SUMMED = 256  # terms of a weight gradient that are summed before they are added to the total: their data fit the cache

# Minimax fit of tanh on [-9.2, 9.2] by x P(x^2) / Q(x^2), found by iterated weighted least squares: error 2.3e-8, in float32
# 3.3e-7, relatively too; beyond it is exactly 1, so that a gate that is wide open or shut leaks nothing.
_P0, _P1, _P2 = 0.9999998853346633, 0.1335973742924723, 0.00347067718909619
_P3, _P4 = 2.021330262657193e-05, 1.2832020264686166e-08
_Q1, _Q2, _Q3, _Q4 = 0.46693026658973724, 0.02578126252835177, 0.00032455131925558385, 7.557234481397221e-07
_END = 9.2


@njit(cache=True, **OPTIONS)
def forward(kind, blocks, rows, cells, gates, weights, out):
    """Runs the layer; fills the h part of `rows`, `cells`, `gates` and `out`.

    Args:
        kind: `LSTM` or `GRU`.
        blocks: int64 (n, 4), see above.
        rows: (frames + 1, batch, columns), each row [h | 1 | x]; the first h is the initial state.
        cells: (frames + 1, batch, units), the first is the initial state; (1, batch, units) if no past is to be kept; of no
            use to a GRU.
        gates: (frames, batch, 4 units), or (1, batch, 4 units) if none is to be kept.
        weights: (columns, 4 units).
        out: (frames, batch, units), any strides but the last.
    """
    for t in range(len(out)):
        here = gates[t % len(gates)]
        for b in range(len(blocks)):
            k, k_end, g, g_end = blocks[b]
            _multiply(rows[t, :, k:k_end], weights[k:k_end, g:g_end], here[:, g:g_end], False)
        if kind == LSTM:
            _lstm(here, cells[t % len(cells)], cells[(t + 1) % len(cells)], rows[t + 1], out[t])
        else:
            _gru(here, rows[t], rows[t + 1], out[t])


@njit(cache=True, **OPTIONS)
def backward(kind, blocks, rows, cells, gates, transposed, slope_out, slope_row, slope_cell, slope_x, slope_weights):
    """Gradients of what `forward` did, from its `rows`, `cells` and `gates`.

    Args:
        transposed: (4 units, columns), the weights.
        slope_out: (frames, batch, units), any strides but the last: gradient of the output.
        slope_row: (batch, columns): in its h part the gradient of the last state, afterwards of the initial one.
        slope_cell: (batch, units), likewise.
        slope_x: (frames, batch, inputs), any strides: filled with the gradient of the input; empty if nobody wants it.
        slope_weights: (columns, 4 units) of zeros: filled.
    """
    frames, batch, units = slope_out.shape
    columns = rows.shape[2]
    wanted = columns if slope_x.size else units
    chunk = max(1, _SUMMED // batch)
    slopes = np.empty((chunk, batch, 4 * units), np.float32)
    flat_rows, flat_slopes = rows.reshape(-1, columns), slopes.reshape(-1, 4 * units)
    for t in range(frames - 1, -1, -1):
        here = slopes[t % chunk]
        if kind == LSTM:
            _lstm_slopes(gates[t], cells[t], cells[t + 1], slope_out[t], slope_row, slope_cell, here)
        else:
            _gru_slopes(gates[t], rows[t], slope_out[t], slope_row, here)
        slope_row[:, units:] = 0.0
        for b in range(len(blocks)):
            k, k_end, g, g_end = blocks[b]
            end = min(_up(k_end, LANES), wanted)
            if k < end:
                _multiply(here[:, g:g_end], transposed[g:g_end, k:end], slope_row[:, k:end], True)
        if slope_x.size:
            slope_x[t] = slope_row[:, units + 1 : units + 1 + slope_x.shape[2]]
        if t % chunk == 0:
            count = min(chunk, frames - t) * batch
            past = flat_rows[t * batch : t * batch + count]
            for b in range(len(blocks)):
                k, k_end, g, g_end = blocks[b]
                end = k + _up(k_end - k, ROWS)
                _multiply(past[:, k:end].T, flat_slopes[:count, g:g_end], slope_weights[k:end, g:g_end], True)


@njit(forceinline=True, **OPTIONS)
def _up(size, multiple):
    return (size + multiple - 1) // multiple * multiple


@njit(**OPTIONS)
def _multiply(a, b, c, add):
    """c = a b, or c += a b; a (m, n) of any strides, b (n, k), c (m, k), m a multiple of four, k one of `LANES`."""
    inner = a.shape[1]
    for j in range(0, c.shape[1] - LANES, 2 * LANES):
        for i in range(0, c.shape[0], ROWS):
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = constant(0.0)
            if add:
                c00, c01, c10, c11 = load(c, (i, j)), load(c, (i, j + 8)), load(c, (i + 1, j)), load(c, (i + 1, j + 8))
                c20, c21, c30, c31 = load(c, (i + 2, j)), load(c, (i + 2, j + 8)), load(c, (i + 3, j)), load(c, (i + 3, j + 8))
            for n in range(inner):
                b0, b1 = load(b, (n, j)), load(b, (n, j + 8))
                a0, a1, a2, a3 = spread(a, (i, n)), spread(a, (i + 1, n)), spread(a, (i + 2, n)), spread(a, (i + 3, n))
                c00, c01, c10, c11 = c00 + a0 * b0, c01 + a0 * b1, c10 + a1 * b0, c11 + a1 * b1
                c20, c21, c30, c31 = c20 + a2 * b0, c21 + a2 * b1, c30 + a3 * b0, c31 + a3 * b1
            store(c, (i, j), c00)
            store(c, (i, j + 8), c01)
            store(c, (i + 1, j), c10)
            store(c, (i + 1, j + 8), c11)
            store(c, (i + 2, j), c20)
            store(c, (i + 2, j + 8), c21)
            store(c, (i + 3, j), c30)
            store(c, (i + 3, j + 8), c31)
    if c.shape[1] % (2 * LANES):
        j = c.shape[1] - LANES
        for i in range(0, c.shape[0], ROWS):
            c0 = c1 = c2 = c3 = constant(0.0)
            if add:
                c0, c1, c2, c3 = load(c, (i, j)), load(c, (i + 1, j)), load(c, (i + 2, j)), load(c, (i + 3, j))
            for n in range(inner):
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
    p = (((z * _P4 + _P3) * z + _P2) * z + _P1) * z + _P0
    q = (((z * _Q4 + _Q3) * z + _Q2) * z + _Q1) * z + 1.0
    return x * p / q


@njit(forceinline=True, **OPTIONS)
def _sigmoid(x):
    return _tanh(x * 0.5) * 0.5 + 0.5


@njit(**OPTIONS)
def _lstm(gates, before, after, row, out):
    """One frame of all rows; the gates come before their activation and stay after it."""
    units = out.shape[1]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            i, f = _sigmoid(load(gates, (r, j))), _sigmoid(load(gates, (r, units + j)))
            new, o = _tanh(load(gates, (r, 2 * units + j))), _sigmoid(load(gates, (r, 3 * units + j)))
            c = f * load(before, (r, j)) + i * new
            h = o * _tanh(c)
            store(gates, (r, j), i)
            store(gates, (r, units + j), f)
            store(gates, (r, 2 * units + j), new)
            store(gates, (r, 3 * units + j), o)
            store(after, (r, j), c)
            store(row, (r, j), h)
            store(out, (r, j), h)


@njit(**OPTIONS)
def _lstm_slopes(gates, before, after, slope_out, slope_row, slope_cell, slopes):
    """Gradients of the gates before their activation and of the old cell; `slope_row` is left zero, to be added to."""
    units = slope_out.shape[1]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            i, f = load(gates, (r, j)), load(gates, (r, units + j))
            new, o = load(gates, (r, 2 * units + j)), load(gates, (r, 3 * units + j))
            squashed = _tanh(load(after, (r, j)))
            dh = load(slope_out, (r, j)) + load(slope_row, (r, j))
            dc = load(slope_cell, (r, j)) + dh * o * (1.0 - squashed * squashed)
            store(slopes, (r, j), dc * new * i * (1.0 - i))
            store(slopes, (r, units + j), dc * load(before, (r, j)) * f * (1.0 - f))
            store(slopes, (r, 2 * units + j), dc * i * (1.0 - new * new))
            store(slopes, (r, 3 * units + j), dh * squashed * o * (1.0 - o))
            store(slope_cell, (r, j), dc * f)
            store(slope_row, (r, j), constant(0.0))


@njit(**OPTIONS)
def _gru(gates, row_before, row, out):
    """One frame of all rows; the gates come before their activation, and stay as reset, update, new from h, new."""
    units = out.shape[1]
    for r in range(len(out)):
        for j in range(0, units, LANES):
            reset, update = _sigmoid(load(gates, (r, j))), _sigmoid(load(gates, (r, units + j)))
            new = _tanh(load(gates, (r, 3 * units + j)) + reset * load(gates, (r, 2 * units + j)))
            h = new + update * (load(row_before, (r, j)) - new)
            store(gates, (r, j), reset)
            store(gates, (r, units + j), update)
            store(gates, (r, 3 * units + j), new)
            store(row, (r, j), h)
            store(out, (r, j), h)


@njit(**OPTIONS)
def _gru_slopes(gates, row_before, slope_out, slope_row, slopes):
    """Gradients of the gates before their activation; `slope_row` keeps what the old state passed on without a gate."""
    units = slope_out.shape[1]
    for r in range(len(slope_out)):
        for j in range(0, units, LANES):
            reset, update = load(gates, (r, j)), load(gates, (r, units + j))
            from_h, new = load(gates, (r, 2 * units + j)), load(gates, (r, 3 * units + j))
            dh = load(slope_out, (r, j)) + load(slope_row, (r, j))
            dn = dh * (1.0 - update) * (1.0 - new * new)
            store(slopes, (r, j), dn * from_h * reset * (1.0 - reset))
            store(slopes, (r, units + j), dh * (load(row_before, (r, j)) - new) * update * (1.0 - update))
            store(slopes, (r, 2 * units + j), dn * reset)
            store(slopes, (r, 3 * units + j), dn)
            store(slope_row, (r, j), dh * update)
