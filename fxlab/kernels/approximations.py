"""Activation functions in float32 for compiled kernels, as exact as float32 arithmetic and fast in vectors.

Those with `tanh` or `sigmoid` in their names take float32 or vectors (`vectors`), the others float32, all of any finite size.
Every one compiles to vector instructions inside a loop. Errors are absolute: 3e-7 (`tanh`), 2e-7 (`sigmoid`), 4e-7
(`saturating_tanh`), 3e-7 (`saturating_sigmoid`), 3e-7 max(1, |x|) (the others), that of `exp` relative: 2e-7.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.kernels.vectors import OPTIONS, clamp, clamp_or_nan, fma


def _floats(*numbers: float) -> tuple[np.float32, ...]:
    return tuple(np.float32(x) for x in numbers)


# Minimax fits of tanh by x P(x^2) / Q(x^2), found by iterated weighted least squares. On [-8.1, 8.1] it is off by 6.5e-9, with
# float32's rounding by 2.8e-7, and never exceeds 1, so that no gate amplifies.
_END = np.float32(8.1)
_P = _floats(0.9999999661431046, 0.13431847177510797, 0.0035565269262718214, 2.164217242100205e-05, 1.4864415728683265e-08)
_Q = _floats(1, 0.4676516644131499, 0.026107252217160336, 0.0003386491133471331, 8.37655948450867e-07)

# On [-9.2, 9.2]: error 2.3e-8, in float32 3.3e-7, relatively too; beyond it is exactly 1, just before up to 3e-7 more.
_FAR = np.float32(9.2)
_FAR_P = _floats(0.9999998853346633, 0.1335973742924723, 0.00347067718909619, 2.021330262657193e-05, 1.2832020264686166e-08)
_FAR_Q = _floats(1, 0.46693026658973724, 0.02578126252835177, 0.00032455131925558385, 7.557234481397221e-07)

# The same for tanh(x / 2) / 2, the sigmoid less its half.
_TWICE_FAR = 2 * _FAR
_HALF_P = _floats(*(float(p) / 4 ** (k + 1) for k, p in enumerate(_FAR_P)))
_HALF_Q = _floats(*(float(q) / 4**k for k, q in enumerate(_FAR_Q)))

_ZERO, _SIXTH, _HALF, _ONE = (np.float32(x) for x in (0, 1 / 6, 0.5, 1))
_SHUT = np.float32(-16)

# exp(x) is 2^n exp(r) with |r| <= ln(2) / 2, where eight terms of its series leave 5e-9. ln(2) is in two parts, the first exact.
_OCTAVES, _OCTAVE, _REST = _floats(1.4426950408889634, 0.693359375, -2.1219444005469e-4)
_SERIES = _floats(1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040)
_LOUDEST = np.float32(87)


@njit(forceinline=True, **OPTIONS)
def _polynomial(z, factors):
    return fma(fma(fma(fma(factors[4], z, factors[3]), z, factors[2]), z, factors[1]), z, factors[0])


@njit(forceinline=True, **OPTIONS)
def tanh_quotient(x):
    """y, p and q so that tanh(x) = y p / q, with q no less than 1: one division can serve a product of several."""
    y = clamp(x, -_END, _END)
    z = y * y
    return y, _polynomial(z, _P), _polynomial(z, _Q)


@njit(forceinline=True, **OPTIONS)
def tanh(x):
    """tanh(x)."""
    y, p, q = tanh_quotient(x)
    return y * p / q


@njit(forceinline=True, **OPTIONS)
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return fma(tanh(_HALF * x), _HALF, _HALF)


@njit(forceinline=True, **OPTIONS)
def saturating_tanh(x):
    """tanh(x), exactly 1 far from zero, NaN where x is NaN."""
    y = clamp_or_nan(x, -_FAR, _FAR)
    z = y * y
    return y * _polynomial(z, _FAR_P) / _polynomial(z, _FAR_Q)


@njit(forceinline=True, **OPTIONS)
def saturating_sigmoid(x):
    """1 / (1 + exp(-x)), exactly 0 or 1 far from zero, so that a gate that is shut or open leaks nothing; NaN where x is NaN."""
    y = clamp_or_nan(x, -_TWICE_FAR, _TWICE_FAR)
    z = y * y
    return y * _polynomial(z, _HALF_P) / _polynomial(z, _HALF_Q) + _HALF


@njit(forceinline=True, **OPTIONS)
def exp(x):
    """exp(x), of -87 or 87 beyond these."""
    y = clamp(x, -_LOUDEST, _LOUDEST)
    n = np.floor(fma(y, _OCTAVES, _HALF))
    r = fma(-n, _REST, fma(-n, _OCTAVE, y))
    high = fma(fma(_SERIES[7], r, _SERIES[6]), r, _SERIES[5])
    sum_ = fma(fma(fma(fma(fma(high, r, _SERIES[4]), r, _SERIES[3]), r, _SERIES[2]), r, _SERIES[1]), r, _SERIES[0])
    return sum_ * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(forceinline=True, **OPTIONS)
def relu(x):
    """max(x, 0)."""
    return x if x > _ZERO else _ZERO


@njit(forceinline=True, **OPTIONS)
def leaky_relu(x, slope):
    """x, times `slope` below zero."""
    return x if x > _ZERO else slope * x


@njit(forceinline=True, **OPTIONS)
def hard_tanh(x):
    """x between -1 and 1."""
    return clamp(x, -_ONE, _ONE)


@njit(forceinline=True, **OPTIONS)
def silu(x):
    """x sigmoid(x); exactly 0 where that is less than 2e-6, since what error the sigmoid has would be multiplied by x."""
    return x * sigmoid(x) if x > _SHUT else _ZERO


@njit(forceinline=True, **OPTIONS)
def softsign(x):
    """x / (1 + |x|)."""
    return x / (_ONE + abs(x))


@njit(forceinline=True, **OPTIONS)
def hard_swish(x):
    """x clamp(x + 3, 0, 6) / 6."""
    return x * clamp(fma(x, _SIXTH, _HALF), _ZERO, _ONE)
