"""Convolutions and matrix products over a block of frames, tile by tile (`tile`), and the order their weights are packed in."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit, types

from fxlab.engines.fused.tile import FRAMES, OUTPUTS, make_tile

_tile6, _tile4, _tile3, _tile2, _tile1 = (make_tile(outputs) for outputs in OUTPUTS)

# Relative time of a tile of so many outputs: few accumulators can't hide the latency of the multiply-adder.
_COST = {6: 6.6, 4: 4.7, 3: 4.2, 2: 3.6, 1: 3.2}


@cache
def tiles(outputs: int) -> tuple[int, ...]:
    """The outputs of the tiles that cover `outputs` rows soonest."""
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for total in range(1, outputs + 1):
        candidates = [(best[total - m][0] + cost, (m, *best[total - m][1])) for m, cost in _COST.items() if m <= total]
        best.append(min(candidates))
    return tuple(sorted(best[outputs][1], reverse=True))


def pack(weight: np.ndarray, bias: np.ndarray | None = None, extra: np.ndarray | None = None) -> np.ndarray:
    """Weights in the order in which `product` reads them.

    Args:
        weight: (outputs, rows, taps).
        bias: (outputs,); None for zeros.
        extra: (outputs,) weights of an extra row.

    Returns:
        float32, flat: per tile its biases, then its weights by tap and row, then those of the extra row.
    """
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    steps = weight.transpose(2, 1, 0).reshape(-1, len(weight))
    if extra is not None:
        steps = np.concatenate((steps, extra[None]))
    parts, done = [], 0
    for m in tiles(len(weight)):
        parts += [bias[done : done + m], steps[:, done : done + m].ravel()]
        done += m
    return np.concatenate(parts).astype(np.float32)


_FLOATS, _INTS, _N = types.float32[::1], types.int64[::1], types.intp


# One signature: Numba would compile it anew for every combination of constants among its arguments.
@njit(
    types.void(_FLOATS, _INTS, *[_N] * 3, _FLOATS, *[_N] * 2, _FLOATS, _N, _INTS, *[_N] * 2, *[_FLOATS, _N, _N] * 2, _N),
    nogil=True,
    error_model="numpy",
    cache=True,
)
def product(
    source,
    taps,
    n_taps,
    rows,
    row_stride,
    extra,
    e,
    n_extra,
    weights,
    w,
    sizes,
    s,
    n_sizes,
    init,
    i,
    i_stride,
    out,
    o,
    o_stride,
    n,
):
    """Computes the product of `make_tile` for all outputs and `n` frames.

    Args:
        source, extra, init, out: Flat float32 arrays. Their rows begin at the offsets `taps[k]`, `e`, `i`, `o` and follow one
            another at the strides `row_stride`, `i_stride`, `o_stride`. They may be one array where the rows don't overlap.
        weights, w: As `pack` gives them, from `w` on.
        sizes, s, n_sizes: The outputs of the tiles, int64, from `s` on.
        n: Frames; up to the next multiple of FRAMES is read and written.
    """
    steps = n_taps * rows + n_extra
    for index in range(n_sizes):
        m = sizes[s + index]
        for t in range(0, n, FRAMES):
            if m == 6:
                _tile6(
                    source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
                )
            elif m == 4:
                _tile4(
                    source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
                )
            elif m == 3:
                _tile3(
                    source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
                )
            elif m == 2:
                _tile2(
                    source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
                )
            else:
                _tile1(
                    source, taps, n_taps, rows, row_stride, extra, e, n_extra, weights, w, init, i, i_stride, out, o, o_stride, t
                )
        w += m * (steps + 1)
        i += m * i_stride
        o += m * o_stride
