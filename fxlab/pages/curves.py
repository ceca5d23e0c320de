"""Curves of a sound: its spectrum, and its loudness over time."""

from __future__ import annotations

import numpy as np

from fxlab.audio.programme import ProgrammeMeter, Series
from fxlab.pages.parts import Line

POINTS_PER_OCTAVE = 24
LOWEST_HZ, FLOOR_DB = 20.0, -140.0
_SIZE, _FRAMES_AT_ONCE = 16384, 64


def spectrum(name: str, audio: np.ndarray, sample_rate_hz: int) -> Line:
    """Mean level of each band of a twelfth octave, all channels together.

    Args:
        audio: (channels, frames) or (frames,), finite; shorter audio than 16384 frames is followed by silence.
        sample_rate_hz: 8-192 kHz.

    Returns:
        Hz from 20 to half the rate, and dB of full scale: a sine of full scale reads -3 dB, pink noise is level. Gaps below
        -140 dB.
    """
    power = _power(np.atleast_2d(audio))
    bin_hz = sample_rate_hz / _SIZE
    # Bands narrower than a bin take their share of it: as if each bin's power were spread evenly over its width.
    edges_hz = (np.arange(len(power) + 1) - 0.5) * bin_hz
    below = np.concatenate([[0.0], np.cumsum(power)])
    octaves = np.log2(sample_rate_hz / 2 / LOWEST_HZ)
    centres = LOWEST_HZ * 2 ** (np.arange(int(octaves * POINTS_PER_OCTAVE) + 1) / POINTS_PER_OCTAVE)
    low, high = (np.interp(centres * 2 ** (side / 24), edges_hz, below) for side in (-1, 1))
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(np.maximum(high - low, 0.0))
    return Line(name, centres, np.where(level > FLOOR_DB, level, np.nan))


def level(name: str, audio: np.ndarray, sample_rate_hz: int) -> Line:
    """Short-term loudness over time (EBU Tech 3341), momentary where there are less than 3 s.

    Args:
        audio: (channels, frames), finite.
        sample_rate_hz: 8-192 kHz.

    Returns:
        Seconds at which each window ends, 100 ms apart, and LUFS; gaps in digital silence. Empty for less than 0.4 s.
    """
    shaped = np.atleast_2d(audio)
    meter = ProgrammeMeter(sample_rate_hz, shaped.shape[0], true_peak=0)
    meter.add(np.ascontiguousarray(shaped, np.float32))
    return level_of(name, meter.series())


def level_of(name: str, series: Series) -> Line:
    """`level` of what was measured already."""
    seconds, lufs = series.short_term_s, series.short_term_lufs
    if not len(seconds):
        seconds, lufs = series.momentary_s, series.momentary_lufs
    return Line(name, seconds, np.where(np.isfinite(lufs), lufs, np.nan))


def _power(audio: np.ndarray) -> np.ndarray:
    """Mean power in each bin of Hann windows that half overlap, (channels, frames) to (bins,)."""
    channels, frames = audio.shape
    window = np.hanning(_SIZE + 1)[:-1]
    starts = np.arange(0, max(frames - _SIZE, 0) + 1, _SIZE // 2)
    total = np.zeros(_SIZE // 2 + 1)
    for channel in audio:
        padded = np.pad(channel, (0, max(0, _SIZE - frames)))
        for first in range(0, len(starts), _FRAMES_AT_ONCE):
            chosen = starts[first : first + _FRAMES_AT_ONCE, None] + np.arange(_SIZE)
            total += np.sum(np.abs(np.fft.rfft(padded[chosen] * window)) ** 2, axis=0)
    total[1:-1] *= 2
    return total / (channels * len(starts) * _SIZE * np.sum(window**2))
