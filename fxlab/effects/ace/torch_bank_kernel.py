"""ACE's filterbank over one channel of a clip, forward and backward in time, four bands at once.

A band is z_j[n] = z_{j-1}[n] + a z_j[n-1] for four stages, z_0 = s; see `bank`. The gradient of s, given that of z_4, comes of
the same cascade run backwards in time with the conjugate pole: l_j[n] = l_{j+1}[n] + conj(a) l_j[n+1], and ds[n] is the sum
of Re l_1[n] over the bands. Bands at the full rate would be sixty times the audio, so none are kept: the states at the start
of every `chunk` of intervals are, from which its bands are computed again.

Shapes, all float64 and C-contiguous: signal (frames,), pole (2, K) and states (2, 4, K) of real and imaginary parts, saved
(chunks, 2, 4, K), z (samples, 2, K), everything per interval (intervals, K). K is a multiple of four.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.kernel_vectors import LANES, fma, kept, load, spread, store

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def power(signal, pole, chunk, state, saved, out):
    """Mean |z_4|^2 over each interval into `out`, `state` carried on."""
    intervals, bands = out.shape
    interval = len(signal) // intervals
    z = np.empty((interval, 2, bands))
    for t in range(intervals):
        if t % chunk == 0:
            saved[t // chunk] = state
        _split(signal[t * interval : (t + 1) * interval], pole, state, z)
        for k in range(0, bands, LANES):
            total = spread(0.0)
            for n in range(interval):
                at = 2 * n * bands + k
                real, imaginary = load(z, at), load(z, at + bands)
                total = fma(real, real, fma(imaginary, imaginary, total))
            store(out, t * bands + k, total * spread(1.0 / interval))


@njit(cache=True, **_OPTIONS)
def power_slopes(signal, pole, chunk, saved, slope_out, slope_signal):
    """Gradient of `power`'s output to that of the signal."""
    intervals, bands = slope_out.shape
    interval = len(signal) // intervals
    chunk_z, back, sums = np.empty((chunk * interval, 2, bands)), np.zeros((2, 4, bands)), np.empty((interval, LANES))
    for t in range(intervals - 1, -1, -1):
        first = t - t % chunk
        if t == intervals - 1 or t % chunk == chunk - 1:
            _again(signal[first * interval : (t + 1) * interval], pole, interval, saved[t // chunk], chunk_z)
        z = chunk_z[(t - first) * interval : (t - first + 1) * interval]
        for k in range(0, bands, LANES):
            factor = spread(2.0 / interval) * load(slope_out, t * bands + k)
            for i in range(k, 2 * interval * bands, bands):
                store(z, i, factor * load(z, i))
        _join_back(z, pole, back, sums, slope_signal[t * interval : (t + 1) * interval])


@njit(cache=True, **_OPTIONS)
def synthesis(signal, pole, weight, delays, chunk, saved, first, last, out):
    """Adds to `out` the bands Re(w z_4), each from its delay on, with gains that move from `first` to `last` in each interval.

    Args:
        weight: (2, K).
        delays: int64 (K,).
        out: (frames and the longest delay,).
    """
    intervals, bands = first.shape
    interval = len(signal) // intervals
    z, parts, state = np.empty((interval, 2, bands)), np.empty((interval, bands)), np.empty((2, 4, bands))
    for t in range(intervals):
        if t % chunk == 0:
            state[:] = saved[t // chunk]
        _split(signal[t * interval : (t + 1) * interval], pole, state, z)
        for k in range(0, bands, LANES):
            real, imaginary = load(weight, k), spread(-1.0) * load(weight, bands + k)
            gain, growth = _ramp(first, last, t * bands + k, interval)
            for n in range(interval):
                at = 2 * n * bands + k
                gain = gain + growth
                store(parts, n * bands + k, gain * fma(real, load(z, at), imaginary * load(z, at + bands)))
        for k in range(bands):
            line = out[t * interval + delays[k] :]
            for n in range(interval):
                line[n] += parts[n, k]


@njit(cache=True, **_OPTIONS)
def synthesis_slopes(
    signal, pole, weight, delays, chunk, saved, first, last, slope_out, through, slope_signal, slope_first, slope_last
):
    """Gradient of `synthesis`'s output to those of the gains and, where `through` is set, of the signal."""
    intervals, bands = first.shape
    interval = len(signal) // intervals
    chunk_z, back, sums = np.empty((chunk * interval, 2, bands)), np.zeros((2, 4, bands)), np.empty((interval, LANES))
    parts = np.empty((interval, bands))
    for t in range(intervals - 1, -1, -1):
        start = t - t % chunk
        if t == intervals - 1 or t % chunk == chunk - 1:
            _again(signal[start * interval : (t + 1) * interval], pole, interval, saved[t // chunk], chunk_z)
        z = chunk_z[(t - start) * interval : (t - start + 1) * interval]
        for k in range(bands):
            line = slope_out[t * interval + delays[k] :]
            for n in range(interval):
                parts[n, k] = line[n]
        for k in range(0, bands, LANES):
            real, imaginary = load(weight, k), spread(-1.0) * load(weight, bands + k)
            gain, growth = _ramp(first, last, t * bands + k, interval)
            total, towards_last = spread(0.0), spread(0.0)
            for n in range(interval):
                at = 2 * n * bands + k
                gain, slope = gain + growth, load(parts, n * bands + k)
                of_gain = slope * fma(real, load(z, at), imaginary * load(z, at + bands))
                total, towards_last = total + of_gain, fma(spread((n + 1.0) / interval), of_gain, towards_last)
                slope = slope * gain
                store(z, at, real * slope)
                store(z, at + bands, imaginary * slope)
            store(slope_first, t * bands + k, total - towards_last)
            store(slope_last, t * bands + k, towards_last)
        if through:
            _join_back(z, pole, back, sums, slope_signal[t * interval : (t + 1) * interval])


@njit(**_OPTIONS)
def _ramp(first, last, at, interval):
    """Gains at the start of an interval, and how much they grow in a sample."""
    gain = load(first, at)
    return gain, spread(1.0 / interval) * (load(last, at) - gain)


@njit(**_OPTIONS)
def _split(x, pole, state, z):
    """An interval of the signal into bands; states stay in registers meanwhile."""
    bands = pole.shape[1]
    for k in range(0, bands, LANES):
        a, b, i = load(pole, k), load(pole, bands + k), 4 * bands + k
        nb = spread(-1.0) * b
        r0, r1, r2, r3 = load(state, k), load(state, bands + k), load(state, 2 * bands + k), load(state, 3 * bands + k)
        i0, i1, i2, i3 = load(state, i), load(state, bands + i), load(state, 2 * bands + i), load(state, 3 * bands + i)
        for n in range(len(x)):
            r0, i0 = fma(a, r0, fma(nb, i0, spread(x[n]))), fma(a, i0, b * r0)
            r1, i1 = fma(a, r1, fma(nb, i1, r0)), fma(a, i1, fma(b, r1, i0))
            r2, i2 = fma(a, r2, fma(nb, i2, r1)), fma(a, i2, fma(b, r2, i1))
            r3, i3 = fma(a, r3, fma(nb, i3, r2)), fma(a, i3, fma(b, r3, i2))
            store(z, 2 * n * bands + k, r3)
            store(z, (2 * n + 1) * bands + k, i3)
        _keep(state, k, bands, r0, r1, r2, r3)
        _keep(state, i, bands, i0, i1, i2, i3)


@njit(**_OPTIONS)
def _join_back(z, pole, back, sums, slope_signal):
    """An interval of gradients of the bands, `z`, into those of the signal; `sums` (samples, LANES) is room to work in."""
    bands = pole.shape[1]
    sums[:] = 0.0
    for k in range(0, bands, LANES):
        a, nb, i = load(pole, k), load(pole, bands + k), 4 * bands + k
        b = spread(-1.0) * nb
        r0, r1, r2, r3 = load(back, k), load(back, bands + k), load(back, 2 * bands + k), load(back, 3 * bands + k)
        i0, i1, i2, i3 = load(back, i), load(back, bands + i), load(back, 2 * bands + i), load(back, 3 * bands + i)
        for n in range(len(z) - 1, -1, -1):
            real, imaginary = load(z, 2 * n * bands + k), load(z, (2 * n + 1) * bands + k)
            r0, i0 = fma(a, r0, fma(nb, i0, real)), fma(a, i0, fma(b, r0, imaginary))
            r1, i1 = fma(a, r1, fma(nb, i1, r0)), fma(a, i1, fma(b, r1, i0))
            r2, i2 = fma(a, r2, fma(nb, i2, r1)), fma(a, i2, fma(b, r2, i1))
            r3, i3 = fma(a, r3, fma(nb, i3, r2)), fma(a, i3, fma(b, r3, i2))
            store(sums, n * LANES, load(sums, n * LANES) + r3)
        _keep(back, k, bands, r0, r1, r2, r3)
        _keep(back, i, bands, i0, i1, i2, i3)
    for n in range(len(z)):
        slope_signal[n] = (sums[n, 0] + sums[n, 1]) + (sums[n, 2] + sums[n, 3])


@njit(**_OPTIONS)
def _keep(state, at, step, x0, x1, x2, x3):
    store(state, at, kept(x0))
    store(state, at + step, kept(x1))
    store(state, at + 2 * step, kept(x2))
    store(state, at + 3 * step, kept(x3))


@njit(**_OPTIONS)
def _again(signal, pole, interval, start, z):
    """The bands of a chunk from the state at its start, exactly as they were."""
    state = start.copy()
    for at in range(0, len(signal), interval):
        _split(signal[at : at + interval], pole, state, z[at : at + interval])
