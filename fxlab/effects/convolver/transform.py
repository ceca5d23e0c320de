"""Products of real sequences by complex transforms of their own length, without reordering.

Two sequences of N real samples have a product of 2N - 1. Modulo z^N - i it folds into N complex numbers, its first half as
their real and its second as their imaginary part, so that nothing is lost ("right-angle" convolution). The transform that
goes with it takes the roots of z^N = i: a plain one after a twist by exp(i pi n / 2N). That is the work of half a padded
transform, and all N bins are alike.

Bins stay in the order in which decimation in frequency by four leaves them, and the way back starts from there. Both ways run
in place and pass by pass, so that a long transform can be spread over time. N is a power of four.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_FAST = {"contract", "nsz"}


def passes(size: int) -> int:
    """Passes of a transform of `size`."""
    return (size.bit_length() - 1) // 2


def twist(size: int) -> np.ndarray:
    """exp(i pi n / 2N) as (2, N), real and imaginary parts."""
    angle = 0.5 * math.pi / size * np.arange(size)
    return np.stack((np.cos(angle), np.sin(angle)))


def twiddles(size: int) -> np.ndarray:
    """The factors of all passes of transforms up to `size`, flat.

    The pass of span m has six rows of m from 2 (m - 1) on: real and imaginary parts of exp(-i pi k n / 2m) for k = 1, 2, 3.
    """
    rows = []
    for number in range(passes(size)):
        span = 4**number
        angle = -0.5 * math.pi / span * np.arange(span) * np.arange(1, 4)[:, None]
        rows.append(np.stack((np.cos(angle), np.sin(angle)), axis=1).ravel())
    return np.concatenate(rows)


def forward(re: np.ndarray, im: np.ndarray, factors: np.ndarray) -> None:
    """The way there, all passes, in place on (N,) float64."""
    span = len(re) // 4
    while span:
        forward_pass(re, im, span, factors)
        span //= 4


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def forward_pass(re, im, span, factors):
    """One pass of the way there; the spans are N / 4, N / 16 ... 1."""
    if span == 1:
        _quads(re, im)
        return
    f = factors[2 * (span - 1) : 8 * span - 2]
    for start in range(0, len(re), 4 * span):
        r0, r1 = re[start : start + span], re[start + span : start + 2 * span]
        r2, r3 = re[start + 2 * span : start + 3 * span], re[start + 3 * span : start + 4 * span]
        i0, i1 = im[start : start + span], im[start + span : start + 2 * span]
        i2, i3 = im[start + 2 * span : start + 3 * span], im[start + 3 * span : start + 4 * span]
        for j in range(span):
            ar, ai, br, bi = r0[j] + r2[j], i0[j] + i2[j], r1[j] + r3[j], i1[j] + i3[j]
            cr, ci, dr, di = r0[j] - r2[j], i0[j] - i2[j], i1[j] - i3[j], r3[j] - r1[j]
            r0[j], i0[j] = ar + br, ai + bi
            xr, xi, yr, yi, zr, zi = cr + dr, ci + di, ar - br, ai - bi, cr - dr, ci - di
            r1[j], i1[j] = f[j] * xr - f[span + j] * xi, f[j] * xi + f[span + j] * xr
            tr, ti = f[2 * span + j], f[3 * span + j]
            r2[j], i2[j] = tr * yr - ti * yi, tr * yi + ti * yr
            tr, ti = f[4 * span + j], f[5 * span + j]
            r3[j], i3[j] = tr * zr - ti * zi, tr * zi + ti * zr


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def backward_pass(re, im, span, factors):
    """One pass of the way back; the spans are 1, 4 ... N / 4, and together they multiply by N."""
    if span == 1:
        _quads(im, re)  # parts exchanged: the inverse
        return
    f = factors[2 * (span - 1) : 8 * span - 2]
    for start in range(0, len(re), 4 * span):
        r0, r1 = re[start : start + span], re[start + span : start + 2 * span]
        r2, r3 = re[start + 2 * span : start + 3 * span], re[start + 3 * span : start + 4 * span]
        i0, i1 = im[start : start + span], im[start + span : start + 2 * span]
        i2, i3 = im[start + 2 * span : start + 3 * span], im[start + 3 * span : start + 4 * span]
        for j in range(span):
            tr, ti = f[j], f[span + j]
            xr, xi = tr * r1[j] + ti * i1[j], tr * i1[j] - ti * r1[j]
            tr, ti = f[2 * span + j], f[3 * span + j]
            yr, yi = tr * r2[j] + ti * i2[j], tr * i2[j] - ti * r2[j]
            tr, ti = f[4 * span + j], f[5 * span + j]
            zr, zi = tr * r3[j] + ti * i3[j], tr * i3[j] - ti * r3[j]
            ar, ai, br, bi = r0[j] + yr, i0[j] + yi, xr + zr, xi + zi
            cr, ci, dr, di = r0[j] - yr, i0[j] - yi, zi - xi, xr - zr
            r0[j], i0[j], r1[j], i1[j] = ar + br, ai + bi, cr + dr, ci + di
            r2[j], i2[j], r3[j], i3[j] = ar - br, ai - bi, cr - dr, ci - di


@njit(cache=True, nogil=True, error_model="numpy", fastmath=_FAST)
def _quads(re, im):
    """The pass of span 1, whose factors are 1. Written so that it is vectorised, which makes it six times as fast."""
    for quad in range(len(re) // 4):
        k = 4 * quad
        ar, ai, br, bi = re[k] + re[k + 2], im[k] + im[k + 2], re[k + 1] + re[k + 3], im[k + 1] + im[k + 3]
        cr, ci, dr, di = re[k] - re[k + 2], im[k] - im[k + 2], im[k + 1] - im[k + 3], re[k + 3] - re[k + 1]
        re[k], im[k], re[k + 1], im[k + 1] = ar + br, ai + bi, cr + dr, ci + di
        re[k + 2], im[k + 2], re[k + 3], im[k + 3] = ar - br, ai - bi, cr - dr, ci - di
