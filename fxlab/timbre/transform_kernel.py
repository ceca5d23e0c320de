"""Complex transforms of eight sequences side by side, compiled, without reordering.

They decimate in frequency by four, and by two at last where the size asks for it, and leave their bins where they end up; the way
back starts from there.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from fxlab.kernels.vectors import OPTIONS, address, load, spread, store

LANES = 8


def factors_of(size: int) -> np.ndarray:
    """The factors of a transform, a power of two from 8 on, pass after pass: float32, three pairs each."""
    factors, block = [], size
    while block > 4:
        turns = np.arange(block // 4)[:, None] * np.arange(1, 4) * (2 * math.pi / block)
        factors.append(np.stack((np.cos(turns), -np.sin(turns)), axis=-1).ravel())
        block //= 4
    return np.concatenate(factors).astype(np.float32)


def places_of(size: int) -> np.ndarray:
    """Where each bin ends up, (size,) int64."""
    if size <= 2:
        return np.arange(size)
    quarter, places = places_of(size // 4), np.empty(size, np.int64)
    for part in range(4):
        places[part::4] = part * (size // 4) + quarter
    return places


@njit(**OPTIONS)
def forward(z, factors):
    """The transform of z, (2, size, LANES), in place."""
    size = z.shape[1]
    block, at = size, 0
    while block > 4:
        for start in range(0, size, block):
            _apart(z, start, block // 4, factors, at)
        at += 6 * (block // 4)
        block //= 4
    _ends(z, block, 0)


@njit(**OPTIONS)
def backward(z, factors):
    """What undoes `forward`, but for a factor of the size."""
    size = z.shape[1]
    block, at = size, 0
    while block > 4:
        at += 6 * (block // 4)
        block //= 4
    _ends(z, block, 1)
    while block < size:
        block *= 4
        at -= 6 * (block // 4)
        for start in range(0, size, block):
            _together(z, start, block // 4, factors, at)


@njit(**OPTIONS)
def _apart(z, start, span, factors, at):
    """One block's decimation in frequency by four."""
    re, im = address(z, (0, start, 0)), address(z, (1, start, 0))
    step = span * LANES
    for j in range(span):
        w, n = at + 6 * j, j * LANES
        (a_re, a_im), (b_re, b_im) = _get(re, im, n), _get(re, im, n + step)
        (c_re, c_im), (d_re, d_im) = _get(re, im, n + 2 * step), _get(re, im, n + 3 * step)
        s_re, s_im, t_re, t_im = a_re + c_re, a_im + c_im, b_re + d_re, b_im + d_im
        _put(re, im, n, s_re + t_re, s_im + t_im)
        _put(re, im, n + 2 * step, *_times(factors, w + 2, s_re - t_re, s_im - t_im))
        s_re, s_im, t_re, t_im = a_re - c_re, a_im - c_im, b_im - d_im, d_re - b_re
        _put(re, im, n + step, *_times(factors, w, s_re + t_re, s_im + t_im))
        _put(re, im, n + 3 * step, *_times(factors, w + 4, s_re - t_re, s_im - t_im))


@njit(**OPTIONS)
def _together(z, start, span, factors, at):
    """What undoes `_apart`, but for a factor of four. It is the same with real and imaginary parts exchanged, last step first."""
    re, im = address(z, (1, start, 0)), address(z, (0, start, 0))
    step = span * LANES
    for j in range(span):
        w, n = at + 6 * j, j * LANES
        a_re, a_im = _get(re, im, n)
        b_re, b_im = _times(factors, w, *_get(re, im, n + step))
        c_re, c_im = _times(factors, w + 2, *_get(re, im, n + 2 * step))
        d_re, d_im = _times(factors, w + 4, *_get(re, im, n + 3 * step))
        s_re, s_im, t_re, t_im = a_re + c_re, a_im + c_im, b_re + d_re, b_im + d_im
        _put(re, im, n, s_re + t_re, s_im + t_im)
        _put(re, im, n + 2 * step, s_re - t_re, s_im - t_im)
        s_re, s_im, t_re, t_im = a_re - c_re, a_im - c_im, b_im - d_im, d_re - b_re
        _put(re, im, n + step, s_re + t_re, s_im + t_im)
        _put(re, im, n + 3 * step, s_re - t_re, s_im - t_im)


@njit(**OPTIONS)
def _ends(z, block, way):
    """The blocks of four or two, there (0) or, real and imaginary parts exchanged, back (1)."""
    re, im = address(z, (way, 0, 0)), address(z, (1 - way, 0, 0))
    for n in range(0, z.shape[1] * LANES, block * LANES):
        (a_re, a_im), (b_re, b_im) = _get(re, im, n), _get(re, im, n + LANES)
        if block == 2:
            _put(re, im, n, a_re + b_re, a_im + b_im)
            _put(re, im, n + LANES, a_re - b_re, a_im - b_im)
        else:
            (c_re, c_im), (d_re, d_im) = _get(re, im, n + 2 * LANES), _get(re, im, n + 3 * LANES)
            s_re, s_im, t_re, t_im = a_re + c_re, a_im + c_im, b_re + d_re, b_im + d_im
            _put(re, im, n, s_re + t_re, s_im + t_im)
            _put(re, im, n + 2 * LANES, s_re - t_re, s_im - t_im)
            s_re, s_im, t_re, t_im = a_re - c_re, a_im - c_im, b_im - d_im, d_re - b_re
            _put(re, im, n + LANES, s_re + t_re, s_im + t_im)
            _put(re, im, n + 3 * LANES, s_re - t_re, s_im - t_im)


@njit(forceinline=True, **OPTIONS)
def _get(re, im, n):
    return load(re, n, LANES), load(im, n, LANES)


@njit(forceinline=True, **OPTIONS)
def _put(re, im, n, x_re, x_im):
    store(re, n, x_re)
    store(im, n, x_im)


@njit(forceinline=True, **OPTIONS)
def _times(factors, at, x_re, x_im):
    u, v = spread(factors, at, LANES), spread(factors, at + 1, LANES)
    return x_re * u - x_im * v, x_re * v + x_im * u
