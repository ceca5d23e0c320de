"""Memoryless non-linearities: the curve, its exact antiderivative, and first-order antiderivative anti-aliasing.

Every curve is odd, has slope 1 up to a knee, then bends over a span towards the ceiling knee + span:

    f(t) = sign(t) (min(|t|, knee) + span phi(u)),   u = max(|t| - knee, 0) / span

    hard       phi = 0                                (span is 0, the knee is the ceiling)
    quadratic  phi = u - u^2 / 4      up to u = 2,   then 1
    cubic      phi = u - 4 u^3 / 27   up to u = 3/2, then 1
    tanh       phi = tanh u

What an effect applies to its input x is f(gain x + bias) - f(bias), so that silence stays silence.

ADAA (Parker, Zavalishin and Le Bivic, "Reducing the aliasing of nonlinear waveshaping using continuous-time convolution",
DAFx 2016) replaces f(t[n]) by the mean of f between t[n-1] and t[n], (F(t[n]) - F(t[n-1])) / (t[n] - t[n-1]). It delays by
half a sample at the rate it runs at; declared latencies count whole samples only, so they leave it out.

The functions here are written once for NumPy and torch: `xp` is either module. The compiled ones are in `shapers_kernel`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

HARD, QUADRATIC, CUBIC, TANH = range(4)
NEAR = 1e-6  # steps smaller than this take the curve at their middle: the quotient would lose its digits

_LN2 = math.log(2.0)


@dataclass(frozen=True)
class Shaper:
    """One curve and how the input is scaled into it.

    Args:
        kind: HARD, QUADRATIC, CUBIC or TANH.
        knee: Where the bend begins, >= 0.
        span: Distance of the ceiling from the knee, > 0 (0 for HARD).
        gain: Factor on the input.
        bias: Added after the gain.
    """

    kind: int
    knee: float = 0.0
    span: float = 1.0
    gain: float = 1.0
    bias: float = 0.0

    @property
    def offset(self) -> float:
        """f(bias), what is subtracted from the output."""
        return float(curve(np, self.kind, np.asarray(float(self.bias)), self.knee, self.span))

    @property
    def largest(self) -> float:
        """Bound of the output's magnitude."""
        return self.knee + self.span + abs(self.offset)


def curve(xp, kind: int, t, knee, span):
    """f(t), elementwise."""
    low = t.clip(min=-knee, max=knee)  # signed, not by magnitude: the slope at 0 must come out as 1 in torch
    return low if kind == HARD else low + span * _phi(xp, kind, (t - low) / span)


def antiderivative(xp, kind: int, t, knee, span):
    """F(t) with F' = f and F(0) = 0, elementwise, accurate to a few units in the last place."""
    low = t.clip(min=-knee, max=knee)
    area = low * (low / 2.0 + (t - low))
    return area if kind == HARD else area + span * span * _phi_integral(xp, kind, xp.abs(t - low) / span)


def adaa(xp, kind: int, before, after, knee, span):
    """Mean of f between two values, elementwise, with finite gradients everywhere."""
    step = after - before
    near = xp.abs(step) < NEAR
    middle = curve(xp, kind, (before + after) / 2.0, knee, span)
    rise = antiderivative(xp, kind, after, knee, span) - antiderivative(xp, kind, before, knee, span)
    return xp.where(near, middle, rise / xp.where(near, xp.ones_like(step), step))


def _phi(xp, kind: int, u):
    if kind == QUADRATIC:
        u = u.clip(min=-2.0, max=2.0)
        return u - u * xp.abs(u) / 4.0
    if kind == CUBIC:
        u = u.clip(min=-1.5, max=1.5)
        return u - u * u * u * (4.0 / 27.0)
    return xp.tanh(u)


def _phi_integral(xp, kind: int, u):
    if kind == QUADRATIC:
        v = u.clip(max=2.0)
        return v * v / 2.0 - v * v * v / 12.0 + (u - v)
    if kind == CUBIC:
        v = u.clip(max=1.5)
        return v * v / 2.0 - v * v * v * v / 27.0 + (u - v)
    return u + xp.log1p(xp.exp(-2.0 * u)) - _LN2  # log cosh u, which would overflow
