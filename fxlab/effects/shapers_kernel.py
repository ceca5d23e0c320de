"""The curves of `fxlab.effects.shapers` as compiled loops, and the fast tanh they share."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from fxlab.effects.shapers import CUBIC, HARD, NEAR, QUADRATIC, Shaper

# Minimax fit of tanh on [-8, 8] by x P(x^2) / Q(x^2), found by iterated weighted least squares; its error is 6e-9, in
# float32 arithmetic 2.8e-7 with the clamp (1 - tanh 8 is 2.3e-7) counted.
_P0, _P1, _P2 = 0.9999999700593766, 0.13438227462011682, 0.003564199014756979
_P3, _P4 = 2.1773943788574764e-05, 1.50627663808734e-08
_Q1, _Q2, _Q3, _Q4 = 0.4677154826544499, 0.026136179472599635, 0.0003399249166960105, 8.454055357266803e-07
_END = 8.0

_P0F, _P1F, _P2F, _P3F, _P4F = (np.float32(value) for value in (_P0, _P1, _P2, _P3, _P4))
_Q1F, _Q2F, _Q3F, _Q4F = (np.float32(value) for value in (_Q1, _Q2, _Q3, _Q4))
_ENDF, _ONEF, _ZEROF, _INFINITE = np.float32(_END), np.float32(1), np.float32(0), np.float32(np.inf)
_SILENT = np.float32(1e-15)  # -300 dB: what is below counts as silence, so that no denormal is ever computed with

_LN2 = math.log(2.0)
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(inline="always", **_OPTIONS)
def tanh32(t):
    """tanh of a float32 within 3e-7, in a form that compiles to vector instructions."""
    t = -_ENDF if t < -_ENDF else t
    t = _ENDF if t > _ENDF else t
    z = t * t
    p = (((_P4F * z + _P3F) * z + _P2F) * z + _P1F) * z + _P0F
    q = (((_Q4F * z + _Q3F) * z + _Q2F) * z + _Q1F) * z + _ONEF
    return t * p / q


@njit(inline="always", **_OPTIONS)
def tanh64(t):
    """tanh of a float64 within 3e-7 (6e-9 where |t| < 8)."""
    t = -_END if t < -_END else t
    t = _END if t > _END else t
    z = t * t
    p = (((_P4 * z + _P3) * z + _P2) * z + _P1) * z + _P0
    q = (((_Q4 * z + _Q3) * z + _Q2) * z + _Q1) * z + 1.0
    return t * p / q


@njit(**_OPTIONS)
def saturate(x, out, gain, bias, offset):
    """out = tanh(gain x + bias) - offset, all float32; non-finite and inaudibly small samples count as silence."""
    for i in range(len(x)):
        size = abs(x[i])
        t = gain * x[i] + bias
        out[i] = tanh32(t if (size < _INFINITE) & (size > _SILENT) else bias) - offset


@njit(**_OPTIONS)
def clip(x, out, ceiling, gain, makeup):
    """out = makeup clamp(gain x, -ceiling, ceiling), all float32; samples as in `saturate`."""
    for i in range(len(x)):
        size = abs(x[i])
        t = gain * x[i]
        t = -ceiling if t < -ceiling else t
        t = ceiling if t > ceiling else t
        out[i] = makeup * (t if (size < _INFINITE) & (size > _SILENT) else _ZEROF)


@njit(inline="always", **_OPTIONS)
def _curve(kind, t, knee, span, inverse):
    size = abs(t)
    bent = min(size, knee)
    u = max(size - knee, 0.0) * inverse
    if kind == QUADRATIC:
        u = min(u, 2.0)
        bent += span * (u - 0.25 * u * u)
    elif kind == CUBIC:
        u = min(u, 1.5)
        bent += span * (u - (4.0 / 27.0) * u * u * u)
    elif kind != HARD:
        bent += span * tanh64(u)
    return -bent if t < 0.0 else bent


@njit(inline="always", **_OPTIONS)
def _antiderivative(kind, t, knee, span, inverse):
    size = abs(t)
    low, over = min(size, knee), max(size - knee, 0.0)
    area, u = 0.5 * low * low + knee * over, over * inverse
    if kind == HARD:
        return area
    if kind == QUADRATIC:
        v = min(u, 2.0)
        return area + span * span * (0.5 * v * v - v * v * v / 12.0 + (u - v))
    if kind == CUBIC:
        v = min(u, 1.5)
        return area + span * span * (0.5 * v * v - v * v * v * v / 27.0 + (u - v))
    return area + span * span * (u + math.log1p(math.exp(-2.0 * u)) - _LN2)


@njit(**_OPTIONS)
def shape(x, kind, knee, span, gain, bias, offset):
    """x = f(gain x + bias) - offset in place, float64 (frames,)."""
    inverse = 1.0 / span if span > 0.0 else 0.0
    for i in range(len(x)):
        x[i] = _curve(kind, gain * x[i] + bias, knee, span, inverse) - offset


@njit(**_OPTIONS)
def shape_adaa(x, kind, knee, span, gain, bias, offset, last):
    """`shape` with first-order ADAA; `last` is the value before x[0], the new one is returned."""
    inverse = 1.0 / span if span > 0.0 else 0.0
    before = _antiderivative(kind, last, knee, span, inverse)
    for i in range(len(x)):
        t = gain * x[i] + bias
        after = _antiderivative(kind, t, knee, span, inverse)
        step = t - last
        if abs(step) < NEAR:
            x[i] = _curve(kind, 0.5 * (t + last), knee, span, inverse) - offset
        else:
            x[i] = (after - before) / step - offset
        last, before = t, after
    return last


def constants(shaper: Shaper) -> tuple[int, float, float, float, float, float]:
    """A shaper as the arguments of `shape`; its offset is what the compiled curve makes of the bias, so silence is exact."""
    kind, knee, span = shaper.kind, float(shaper.knee), float(shaper.span)
    still = np.zeros(1)
    shape(still, kind, knee, span, 0.0, float(shaper.bias), 0.0)
    return kind, knee, span, float(shaper.gain), float(shaper.bias), float(still[0])
