"""The fundamental of a note, found by the period of its waveform."""

from __future__ import annotations

import math

import numpy as np

LOWEST_HZ, HIGHEST_HZ = 30.0, 4000.0
_CLARITY = 0.75  # noise stays below 0.5, a plucked string above 0.95; bent and fretted over one another they come near this
_FIRST = 0.93  # of all peaks as high as this share of the highest, the first is the period, the others are multiples
_QUIET_DB = -70.0
_STEPS = 8  # of a period, at least, so that a parabola finds its peak


def fundamental_hz(audio: np.ndarray, sample_rate_hz: int) -> float | None:
    """Fundamental frequency by the normalised square difference (P. McLeod, G. Wyvill, "A smarter way to find pitch", 2005).

    Args:
        audio: One channel, (frames,), at least four periods of what is to be found.
        sample_rate_hz: Its rate.

    Returns:
        Hz, `LOWEST_HZ` .. `HIGHEST_HZ`; None where there is no period: noise, chords, an RMS below -70 dB of full scale.
    """
    audio = np.asarray(audio, np.float64)
    audio = audio - audio.mean() if len(audio) else audio
    energy = float(audio @ audio)
    longest = min(math.ceil(sample_rate_hz / LOWEST_HZ) + 1, len(audio) // 2)
    if longest < 3 or energy < len(audio) * 10 ** (_QUIET_DB / 10):
        return None
    finer = math.ceil(_STEPS * HIGHEST_HZ / sample_rate_hz)
    likeness = _likeness(audio, energy, longest, finer)
    below = np.flatnonzero(likeness < 0)
    if not len(below):
        return None
    # Before it first crosses zero, a waveform is like itself at any lag that is short enough.
    start = max(int(below[0]), 1)
    middle = likeness[start:-1]
    peaks = start + np.flatnonzero((middle >= likeness[start - 1 : -2]) & (middle > likeness[start + 1 :]) & (middle > 0))
    found = [_top(likeness, at) for at in peaks.tolist()]
    best = max((height for _, height in found), default=0.0)
    if best < _CLARITY:
        return None
    period = next(lag for lag, height in found if height >= _FIRST * best)
    f0_hz = float(finer * sample_rate_hz / period)
    return f0_hz if LOWEST_HZ <= f0_hz <= HIGHEST_HZ else None


def _likeness(audio: np.ndarray, energy: float, longest: int, finer: int) -> np.ndarray:
    """1 where the waveform shifted by a lag is itself, -1 where it is its inverse; `finer` lags a sample up to the longest."""
    size = 2 ** math.ceil(math.log2(len(audio) + longest + 1))
    power = np.abs(np.fft.rfft(audio, size)) ** 2
    correlation = finer * np.fft.irfft(power, finer * size)[: finer * longest + 1]
    squares = np.concatenate([[0.0], np.cumsum(audio**2)])
    lags = np.arange(longest + 1)
    both = squares[len(audio) - lags] + (energy - squares[lags])
    both = np.interp(np.arange(len(correlation)) / finer, lags, both)
    return 2 * correlation / np.maximum(both, 1e-30)


def _top(curve: np.ndarray, at: int) -> tuple[float, float]:
    """Place and height of a peak by the parabola through it and its neighbours."""
    before, top, after = (float(value) for value in curve[at - 1 : at + 2])
    bend = before - 2 * top + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return at + shift, top - 0.25 * (before - after) * shift
