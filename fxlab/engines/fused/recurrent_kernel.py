"""LSTM and GRU layers over a block of frames, in compiled loops that are the same for all sizes.

A step of the recurrence takes the units in groups of 16 and, at the end, 8: the sums of a group's gates stay in the vector
registers while the previous step's outputs, each broadcast once, multiply its weights (`accumulate`). What several inputs add to
the gates doesn't wait for the recurrence: `affine` computes it ahead, for several frames at once; a single input joins the step.

Sizes are padded to whole groups ("width"): weights of units that there aren't are zero, and so are these units' outputs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.kernels.approximations import tanh_quotient
from fxlab.kernels.products import accumulate, add_scaled
from fxlab.kernels.vectors import OPTIONS, address, align_stack, fma, keep_above, load, store

_HALF = np.float32(0.5)
_LEAST = np.float32(1e-15)  # a memory below -300 dB counts as zero, so that no denormal is ever computed with
_NEAR = 24 * 1024 // 4  # weights that stay in the fastest cache beside everything else


@njit(**OPTIONS)
def lstm(x, joined, input_weights, start, weights, h, c, out):
    """An LSTM layer (torch's) over a block. All arrays are float32 and C-contiguous.

    Args:
        x: (frames, any); of its rows the first value is the layer's input if `joined`, else it is ignored.
        joined: Whether the layer has a single input, which then joins the step.
        input_weights, weights: As `pack_lstm` gives them.
        start: What the gates' sums start from: (1, 4 width), the bias, if `joined`; else (frames, 4 width), what `affine` makes
            of the inputs with the input weights and the bias.
        h, c: (width,), the outputs and the memories of the frame before; moved on.
        out: (frames, width), overwritten.
    """
    align_stack()
    frames, width = out.shape
    units = weights.size // (4 * width)
    w, memory, before, begin = address(weights, 0), address(c, 0), address(h, 0), address(start, 0)
    for t in range(frames):
        now = address(out, t * width)
        for index in range(width // 16):
            at = _group(index, t, width // 16, weights.size)
            i = address(begin, 4 * at)
            sums = load(i, 0, 16), load(i, 16, 16), load(i, 32, 16), load(i, 48, 16)
            if joined:
                sums = add_scaled(sums, x[t, 0], address(input_weights, 4 * at))
            sums = accumulate(sums, (before,), 0, address(w, 4 * at * units), units)
            new, kept = _lstm_unit(sums[0], sums[1], sums[2], sums[3], load(memory, at, 16))
            store(now, at, new)
            store(memory, at, kept)
        if width % 16:
            at = width - 8
            i = address(begin, 4 * at)
            last = load(i, 0, 8), load(i, 8, 8), load(i, 16, 8), load(i, 24, 8)
            if joined:
                last = add_scaled(last, x[t, 0], address(input_weights, 4 * at))
            last = accumulate(last, (before,), 0, address(w, 4 * at * units), units)
            end, end_kept = _lstm_unit(last[0], last[1], last[2], last[3], load(memory, at, 8))
            store(now, at, end)
            store(memory, at, end_kept)
        before = now
        if not joined:
            begin = address(begin, 4 * width)
    for k in range(width):
        h[k] = out[frames - 1, k]


@njit(**OPTIONS)
def gru(x, joined, input_weights, start, weights, bias_n, h, out):
    """A GRU layer (torch's: the reset gate acts behind the recurrent product) over a block.

    Args:
        x, joined, input_weights, start, weights, bias_n: As of `lstm`, with 3 width gates, packed by `pack_gru`.
        h: (width,), the outputs of the frame before; moved on.
        out: (frames, width), overwritten.
    """
    align_stack()
    frames, width = out.shape
    units = weights.size // (3 * width)
    w, b, before, begin = address(weights, 0), address(bias_n, 0), address(h, 0), address(start, 0)
    for t in range(frames):
        now = address(out, t * width)
        for index in range(width // 16):
            at = _group(index, t, width // 16, weights.size)
            i = address(begin, 3 * at)
            sums = load(i, 0, 16), load(i, 16, 16), load(i, 32, 16)
            if joined:
                sums = add_scaled(sums, x[t, 0], address(input_weights, 3 * at))
            n = sums[2]
            sums = accumulate((sums[0], sums[1], load(b, at, 16)), (before,), 0, address(w, 3 * at * units), units)
            store(now, at, _gru_unit(sums[0], sums[1], sums[2], n, load(before, at, 16)))
        if width % 16:
            at = width - 8
            i = address(begin, 3 * at)
            last = load(i, 0, 8), load(i, 8, 8), load(i, 16, 8)
            if joined:
                last = add_scaled(last, x[t, 0], address(input_weights, 3 * at))
            n8 = last[2]
            last = accumulate((last[0], last[1], load(b, at, 8)), (before,), 0, address(w, 3 * at * units), units)
            store(now, at, _gru_unit(last[0], last[1], last[2], n8, load(before, at, 8)))
        before = now
        if not joined:
            begin = address(begin, 3 * width)
    for k in range(width):
        h[k] = out[frames - 1, k]


@njit(forceinline=True, **OPTIONS)
def _lstm_unit(i, f, g, o, c):
    """New outputs and memories from the gates before activation (i, f and o halved) and the memories."""
    yi, pi, qi = tanh_quotient(i)
    yf, pf, qf = tanh_quotient(f)
    yg, pg, qg = tanh_quotient(g)
    yo, po, qo = tanh_quotient(o)
    below = qi * qg
    c = fma(fma(yf, pf, qf) * below, c, fma(yi, pi, qi) * (yg * pg) * qf) / ((below + below) * qf)
    yc, pc, qc = tanh_quotient(c)
    return fma(yo, po, qo) * _HALF * (yc * pc) / (qo * qc), keep_above(c, _LEAST)


@njit(forceinline=True, **OPTIONS)
def _gru_unit(r, z, n, n_input, h):
    """New outputs from the gates before activation (r and z halved), the input's part of n, and the last outputs."""
    yr, pr, qr = tanh_quotient(r)
    yz, pz, qz = tanh_quotient(z)
    half = yz * pz / qz * _HALF
    yn, pn, qn = tanh_quotient(fma(fma(yr * pr / qr, _HALF, _HALF), n, n_input))
    return keep_above((_HALF - half) * (yn * pn) / qn + (_HALF + half) * h, _LEAST)


@njit(forceinline=True, **OPTIONS)
def _group(index, t, groups, size):
    """First unit of the group whose turn it is: many weights are taken to and fro, the last ones being still in the cache."""
    return 16 * (groups - 1 - index if size > _NEAR and t & 1 else index)
