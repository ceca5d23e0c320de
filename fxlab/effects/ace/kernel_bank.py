"""The filterbank of ACE as compiled loops: sound into bands, and bands into sound."""

from __future__ import annotations

from numba import njit

SILENT = 1e-30  # states below this are flushed to zero: far under any audible level, far above denormals

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def split(x, state, poles, weights, parts, power):
    """An interval of one channel into bands.

    Args:
        x: (N,) float64.
        state: (2, 4, K) float64, real and imaginary parts of the filters' stages; updated in place.
        poles, weights: (2, K), real and imaginary parts.
        parts: (N, K), takes the real parts of the weighted bands.
        power: (K,), to which the sum of |z|^2 is added.
    """
    real, imaginary = state[0], state[1]
    for n in range(len(x)):
        signal = x[n]
        part = parts[n]
        for k in range(len(power)):
            a, b = poles[0, k], poles[1, k]
            r0, i0 = real[0, k], imaginary[0, k]
            r1, i1 = real[1, k], imaginary[1, k]
            r2, i2 = real[2, k], imaginary[2, k]
            r3, i3 = real[3, k], imaginary[3, k]
            r0, i0 = signal + a * r0 - b * i0, a * i0 + b * r0
            r1, i1 = r0 + a * r1 - b * i1, i0 + a * i1 + b * r1
            r2, i2 = r1 + a * r2 - b * i2, i1 + a * i2 + b * r2
            r3, i3 = r2 + a * r3 - b * i3, i2 + a * i3 + b * r3
            real[0, k], imaginary[0, k] = r0, i0
            real[1, k], imaginary[1, k] = r1, i1
            real[2, k], imaginary[2, k] = r2, i2
            real[3, k], imaginary[3, k] = r3, i3
            power[k] += r3 * r3 + i3 * i3
            part[k] = weights[0, k] * r3 - weights[1, k] * i3
    for i in range(2):
        for j in range(4):
            flush(state[i, j])


@njit(cache=True, **_OPTIONS)
def join(parts, first, slope, delays, total):
    """Adds an interval of weighted bands (N, K) at their gains into the running sum (delay + N,) of their delayed sound."""
    for k in range(len(delays)):
        start = delays[k]
        for n in range(len(parts)):
            total[start + n] += parts[n, k] * (first[k] + slope[k] * (n + 1))


@njit(cache=True, **_OPTIONS)
def flush(values):
    """Sets what is smaller than anything audible to zero, (n,), in place."""
    for i in range(len(values)):
        values[i] = values[i] if abs(values[i]) > SILENT else 0.0


@njit(cache=True, **_OPTIONS)
def shift(line, by):
    """Moves a line (n,) to its start by some samples; what enters at its end is what was there."""
    for start in range(0, len(line) - by, by):
        for i in range(start, min(start + by, len(line) - by)):
            line[i] = line[i + by]
