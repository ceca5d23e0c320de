"""ACE's filterbank over one channel of a clip, forward and backward in time, with its bands as the innermost loop.

A band is z_j[n] = z_{j-1}[n] + a z_j[n-1] for four stages, z_0 = s; see `bank`. The gradient of s, given that of z_4, comes of
the same cascade run backwards in time with the conjugate pole: l_j[n] = l_{j+1}[n] + conj(a) l_j[n+1], and ds[n] is the sum
of Re l_1[n] over the bands. Bands at the full rate would be sixty times the audio, so none are kept: the states at the start
of every `chunk` of intervals are, from which its bands are computed again.

Shapes, all float64 and C-contiguous: signal (frames,), pole (2, K) and state (2, 4, K) of real and imaginary parts, saved
(chunks, 2, 4, K), everything per interval (intervals, K).
"""

from __future__ import annotations

import numpy as np
from numba import njit

_SILENT = 1e-30


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def power(signal, pole, chunk, state, saved, out):
    """Mean |z_4|^2 over each interval into `out`, `state` carried on."""
    interval = len(signal) // max(1, len(out))
    for t in range(len(out)):
        if t % chunk == 0:
            saved[t // chunk] = state
        total = out[t]
        total[:] = 0.0
        for n in range(t * interval, (t + 1) * interval):
            _step(signal[n], pole, state)
            _add_power(state, 1.0 / interval, total)
        _flush(state)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def power_slopes(signal, pole, chunk, saved, slope_out, slope_signal):
    """Gradient of `power`'s output to that of the signal."""
    intervals, bands = slope_out.shape
    interval = len(signal) // max(1, intervals)
    z, back = np.empty((chunk * interval, 2, bands)), np.zeros((2, 4, bands))
    against = pole.copy()
    against[1] *= -1.0
    for c in range(len(saved) - 1, -1, -1):
        start, stop = c * chunk, min((c + 1) * chunk, intervals)
        _again(signal[start * interval : stop * interval], pole, interval, saved[c], z)
        for t in range(stop - 1, start - 1, -1):
            for n in range(interval - 1, -1, -1):
                here = z[(t - start) * interval + n]
                _scale(slope_out[t], 2.0 / interval, here)
                _step_back(here, against, back)
                slope_signal[t * interval + n] = _sum(back[0, 0])
            _flush(back)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def synthesis(signal, pole, weight, delays, chunk, saved, first, last, out):
    """Adds to `out` the bands Re(w z_4), each from its delay on, with gains that move from `first` to `last` in each interval.

    Args:
        weight: (2, K).
        delays: int64 (K,).
        out: (frames and the longest delay,).
    """
    intervals, bands = first.shape
    interval = len(signal) // max(1, intervals)
    parts, state = np.empty((interval, bands)), np.empty((2, 4, bands))
    for t in range(intervals):
        if t % chunk == 0:
            state[:] = saved[t // chunk]
        for n in range(interval):
            _step(signal[t * interval + n], pole, state)
            _weigh(state[0, 3], state[1, 3], weight, first[t], last[t], (n + 1) / interval, parts[n])
        for k in range(bands):
            place = t * interval + delays[k]
            for n in range(interval):
                out[place + n] += parts[n, k]
        _flush(state)


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def synthesis_slopes(
    signal, pole, weight, delays, chunk, saved, first, last, slope_out, through, slope_signal, slope_first, slope_last
):
    """Gradient of `synthesis`'s output to those of the gains and, where `through` is set, of the signal."""
    intervals, bands = first.shape
    interval = len(signal) // max(1, intervals)
    z, back = np.empty((chunk * interval, 2, bands)), np.zeros((2, 4, bands))
    parts = np.empty((interval, bands))
    against = pole.copy()
    against[1] *= -1.0
    for c in range(len(saved) - 1, -1, -1):
        start, stop = c * chunk, min((c + 1) * chunk, intervals)
        _again(signal[start * interval : stop * interval], pole, interval, saved[c], z)
        for t in range(stop - 1, start - 1, -1):
            for k in range(bands):
                place = t * interval + delays[k]
                for n in range(interval):
                    parts[n, k] = slope_out[place + n]
            slope_first[t] = 0.0
            slope_last[t] = 0.0
            for n in range(interval - 1, -1, -1):
                here, share = z[(t - start) * interval + n], (n + 1) / interval
                _weigh_back(parts[n], weight, first[t], last[t], share, here, slope_first[t], slope_last[t])
                if through:
                    _step_back(here, against, back)
                    slope_signal[t * interval + n] = _sum(back[0, 0])
            _flush(back)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _step(x, pole, state):
    """One sample through all bands."""
    for k in range(pole.shape[1]):
        a, b = pole[0, k], pole[1, k]
        real, imaginary = x, 0.0
        for j in range(4):
            r, i = state[0, j, k], state[1, j, k]
            real, imaginary = real + a * r - b * i, imaginary + a * i + b * r
            state[0, j, k], state[1, j, k] = real, imaginary


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _step_back(x, against, back):
    """One sample of the gradient (2, K) of z_4 through all bands."""
    for k in range(against.shape[1]):
        a, b = against[0, k], against[1, k]
        real, imaginary = x[0, k], x[1, k]
        for j in range(3, -1, -1):
            r, i = back[0, j, k], back[1, j, k]
            real, imaginary = real + a * r - b * i, imaginary + a * i + b * r
            back[0, j, k], back[1, j, k] = real, imaginary


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _again(signal, pole, interval, start, z):
    """The bands (frames, 2, K) of a chunk from the state at its start."""
    state = start.copy()
    for n in range(len(signal)):
        _step(signal[n], pole, state)
        for k in range(pole.shape[1]):
            z[n, 0, k] = state[0, 3, k]
            z[n, 1, k] = state[1, 3, k]
        if (n + 1) % interval == 0:
            _flush(state)


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _add_power(state, share, total):
    real, imaginary = state[0, 3], state[1, 3]
    for k in range(len(total)):
        total[k] += share * (real[k] * real[k] + imaginary[k] * imaginary[k])


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _scale(slope, factor, z):
    """Band samples (2, K) to their gradients."""
    for k in range(len(slope)):
        z[0, k] *= factor * slope[k]
        z[1, k] *= factor * slope[k]


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _weigh(real, imaginary, weight, first, last, share, part):
    for k in range(len(part)):
        part[k] = (weight[0, k] * real[k] - weight[1, k] * imaginary[k]) * (first[k] + share * (last[k] - first[k]))


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _weigh_back(slope, weight, first, last, share, z, slope_first, slope_last):
    """Gradients of `_weigh`: of the gains, added, and of the band samples z (2, K), in their place."""
    for k in range(len(slope)):
        of_gain = slope[k] * (weight[0, k] * z[0, k] - weight[1, k] * z[1, k])
        slope_first[k] += (1.0 - share) * of_gain
        slope_last[k] += share * of_gain
        of_band = slope[k] * (first[k] + share * (last[k] - first[k]))
        z[0, k] = weight[0, k] * of_band
        z[1, k] = -weight[1, k] * of_band


@njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc"})
def _sum(values):
    total = 0.0
    for k in range(len(values)):
        total += values[k]
    return total


@njit(nogil=True, error_model="numpy", fastmath={"contract"})
def _flush(state):
    flat = state.reshape(-1)
    for i in range(len(flat)):
        flat[i] = flat[i] if abs(flat[i]) > _SILENT else 0.0
