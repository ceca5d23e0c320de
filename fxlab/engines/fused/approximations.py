"""Activation functions in float32 for compiled kernels, as exact as float32 arithmetic and fast in vectors.

`tanh` and `sigmoid` take float32 or vectors (`vectors`), the others float32, all of any finite size. Every one compiles to vector
instructions inside a loop. Errors are absolute: 3e-7 (`tanh`), 2e-7 (`sigmoid`), 3e-7 max(1, |x|) (the others).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.engines.fused.vectors import clamp, fma

OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
"""Options of all fused kernels. `error_model`: a check for zero would keep divisions out of vectors."""

# Minimax fit of tanh on [-8.1, 8.1] by x P(x^2) / Q(x^2), found by iterated weighted least squares: it is off by 6.5e-9, with
# float32's rounding by 2.8e-7, and never exceeds 1, so that no gate amplifies.
_END = np.float32(8.1)
_P0, _P1, _P2, _P3, _P4 = (
    np.float32(p)
    for p in (0.9999999661431046, 0.13431847177510797, 0.0035565269262718214, 2.164217242100205e-05, 1.4864415728683265e-08)
)
_Q1, _Q2, _Q3, _Q4 = (
    np.float32(q) for q in (0.4676516644131499, 0.026107252217160336, 0.0003386491133471331, 8.37655948450867e-07)
)
_ZERO, _SIXTH, _HALF, _ONE = (np.float32(x) for x in (0, 1 / 6, 0.5, 1))
_SHUT = np.float32(-16)


@njit(forceinline=True, **OPTIONS)
def tanh_quotient(x):
    """y, p and q so that tanh(x) = y p / q, with q no less than 1: one division can serve a product of several."""
    y = clamp(x, -_END, _END)
    z = y * y
    p = fma(fma(fma(fma(_P4, z, _P3), z, _P2), z, _P1), z, _P0)
    return y, p, fma(fma(fma(fma(_Q4, z, _Q3), z, _Q2), z, _Q1), z, _ONE)


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
