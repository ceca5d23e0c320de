"""True peak after ITU-R BS.1770-4, annex 2: the largest value of the waveform that a converter draws through the samples.

The samples are interpolated by windowed-sinc filters, one for each place between two of them, `TAPS` long; between the values
so found a peak is that of the parabola through it and its neighbours. The samples themselves belong to them.

    filters     within 0.012 dB up to 0.468 fs (20.6 kHz at 44.1 kHz, 22.4 kHz at 48 kHz), falling from there on: what is made of
                full-band noise by a converter that is sharper can be higher by some tenths of a decibel
    grid        four values a sample alone would miss up to 0.18 dB of noise that reaches to 0.45 fs (Taylor: half of
                (2 pi 0.45)^2 / 3 times 1/8 squared), the parabola leaves under 0.03 dB of that, 0.05 dB of a sine

Above 90 kHz a factor of 2 would do, since audio seldom reaches that high, but what the factor says is kept.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from fxlab.errors import UsageError

FACTORS = (2, 4, 8, 16)
TAPS = 64
DELAY = TAPS // 2 + 1
"""Samples that must follow one until all is known about what lies between it and the next one."""
LOUDEST = 1e15
"""Larger samples count as silence, as do those that aren't finite: they can't be squared."""

_SHAPE = 6.25  # of the Kaiser window: ripples of 0.012 dB, whatever the number of taps


@functools.cache
def phases(factor: int) -> np.ndarray:
    """Filters for the places k / factor after a sample, k = 1 .. factor - 1.

    Returns:
        float32 (factor - 1, TAPS), to be multiplied with the samples from TAPS / 2 - 1 before that sample to TAPS / 2 after it.

    Raises:
        UsageError: No such factor.
    """
    if factor not in FACTORS:
        raise UsageError(f"True peaks can't be measured at {factor} values a sample.", f"It is one of {FACTORS}.")
    at = np.arange(TAPS) - (TAPS // 2 - 1) - np.arange(1, factor)[:, None] / factor
    taps = np.sinc(at) * np.i0(_SHAPE * np.sqrt(1.0 - (at / (TAPS / 2)) ** 2))
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)


@functools.cache
def reach(factor: int) -> float:
    """No peak is higher than this times the largest sample: the worst case of the filters and of the parabola over their values.

    The parabola adds e^2 / 8s where e <= s, at most an eighth of s, the second difference of three values.
    """
    grid = np.zeros((factor + 2, TAPS + 2))  # from the value before a sample to the next sample
    grid[2:-1, 1:-1] = phases(factor)
    grid[0, :-2], grid[1, TAPS // 2], grid[-1, TAPS // 2 + 1] = grid[-2, 1:-1], 1.0, 1.0
    bend = 2.0 * grid[1:-1] - grid[:-2] - grid[2:]
    return float((np.abs(grid[1:-1]).sum(axis=1) + np.abs(bend).sum(axis=1) / 8.0).max())


def true_peak_db(audio: np.ndarray, sample_rate_hz: int, factor: int = 4) -> float:
    """True peak of whole audio.

    Args:
        audio: Shape (channels, frames) or (frames,), any float type; non-finite samples count as silence.
        sample_rate_hz: 8-192 kHz.
        factor: As for `TruePeakMeter`.

    Returns:
        dBTP, the largest of all channels; -inf for digital silence.
    """
    shaped = np.atleast_2d(audio)
    meter = TruePeakMeter(sample_rate_hz, shaped.shape[0], factor)
    meter.add(shaped)
    return meter.peak_db()


class TruePeakMeter:
    """True peak of audio that arrives block by block; any split gives the same, to rounding of float32.

    Args:
        sample_rate_hz: 8-192 kHz. The measure is the same at each.
        channels: 1 or more.
        factor: Values looked at per sample: 2, 4, 8 or 16.

    Raises:
        UsageError: No such factor.
    """

    def __init__(self, sample_rate_hz: int, channels: int, factor: int = 4) -> None:
        self._filters = phases(factor), np.float32(reach(factor))
        self._past = np.zeros((channels, TAPS + 1), np.float32)
        self._peaks = np.zeros(channels, np.float32)

    def add(self, block: np.ndarray) -> None:
        """Measures audio (channels, n)."""
        from fxlab.audio.true_peak_kernel import measure  # Numba is imported only when something is measured

        measure(np.ascontiguousarray(block, np.float32), *self._filters, self._past, self._peaks)

    def peaks_db(self) -> list[float]:
        """dBTP of each channel so far, as if silence followed; -inf for digital silence."""
        from fxlab.audio.true_peak_kernel import measure

        peaks = self._peaks.copy()
        measure(np.zeros((len(peaks), DELAY), np.float32), *self._filters, self._past.copy(), peaks)
        return [20.0 * math.log10(peak) if peak > 0 else -math.inf for peak in peaks.tolist()]

    def peak_db(self) -> float:
        """The largest of the channels' peaks so far."""
        return max(self.peaks_db())
