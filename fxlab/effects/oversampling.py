"""Oversampling by 2, 4 or 8: the filters, their latency, and the NumPy stream.

Each doubling of the rate has two linear-phase Kaiser FIRs, one on the way up and one on the way down. All are half-band
(every second tap is zero) except the very last one down: a half-band filter passes half of what lies just above the old
Nyquist frequency, which would fold back as aliasing, so that one is a low-pass whose stop-band begins exactly there. Later
doublings have wide transitions, since nothing that they let through lands below the base rate's Nyquist frequency.

    band kept within 0.01 dB    0 .. 5/12 of the base rate (20 kHz at 48 kHz)
    images and aliases          at least 100 dB down

A filter of N taps delays by (N - 1) / 2 samples at the rate of its stage; the pair of each stage is lengthened with zeros until
its delays add up to whole samples of the base rate.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

FACTORS = (1, 2, 4, 8)
PASS_BAND = 5 / 12  # of the base rate

_ATTENUATION_DB = 100.0


@dataclass(frozen=True)
class Stage:
    """One doubling of the rate.

    Args:
        up: Taps at the doubled rate that turn a zero-stuffed signal into the interpolated one (sum 2).
        down: Taps at the doubled rate applied before every second sample is dropped (sum 1).
        latency: Delay of up and down together, in samples of the doubled rate.
    """

    up: np.ndarray
    down: np.ndarray
    latency: int


@functools.cache
def stages(factor: int) -> tuple[Stage, ...]:
    """The doublings that make up `factor` (1, 2, 4 or 8), the one next to the base rate first."""
    found = []
    for index in range(factor.bit_length() - 1):
        rate = 2.0 ** (index + 1)  # all frequencies here in base rates
        # After the first doubling the signal ends at 1/2; what may be left of its images begins there.
        band = PASS_BAND if index == 0 else 0.5
        half = _kaiser(rate / 4, rate / 2 - band, rate, half_band=True)
        sharp = _kaiser((PASS_BAND + 0.5) / 2, 0.5, rate) if index == 0 else half
        delay = (len(half) + len(sharp)) // 2 - 1
        spare = -delay % 2 ** (index + 1)
        found.append(Stage(2.0 * half, np.concatenate([np.zeros(spare), sharp]), delay + spare))
    return tuple(found)


def latency(factor: int) -> int:
    """Samples of the base rate by which going up and down again delays: the sum of stage latency / stage rate."""
    return sum(stage.latency >> (index + 1) for index, stage in enumerate(stages(factor)))


def tail(factor: int) -> int:
    """Samples of the base rate after which the filters have forgotten their input."""
    return 1 + sum((len(stage.up) + len(stage.down) >> (index + 1)) for index, stage in enumerate(stages(factor)))


def _kaiser(cutoff: float, stop: float, rate: float, half_band: bool = False) -> np.ndarray:
    """The shortest low-pass of odd length and sum 1 that is silent from `stop` on, by the window method.

    Kaiser, "Nonrecursive digital filter design using the I0-sinh window function", 1974. His estimates of length and shape
    fall short by a few decibels for short filters, so both are searched and the stop-band is measured.
    """
    half = int((_ATTENUATION_DB - 7.95) / (14.36 * 2.0 * (stop - cutoff) / rate) / 2.0)
    half -= half_band and half % 2 == 0  # the outermost taps of a half-band filter lie at odd distances from the middle
    while True:
        n = np.arange(-half, half + 1)
        for margin_db in range(8):
            taps = np.sinc(2.0 * cutoff / rate * n) * np.kaiser(2 * half + 1, 0.1102 * (_ATTENUATION_DB + margin_db - 8.7))
            if half_band:
                taps[n % 2 == 0] = 0.0
                taps *= 0.5 / taps.sum()
                taps[half] = 0.5
            else:
                taps /= taps.sum()
            response = np.abs(np.fft.rfft(taps, 16_384))
            if response[int(np.ceil(stop / rate * 16_384)) :].max() <= 10.0 ** (-_ATTENUATION_DB / 20.0):
                return taps
        half += 1 + half_band


class Oversampler:
    """Up and down again in NumPy, block by block, by plain convolution with the whole filters.

    Args:
        factor: 1, 2, 4 or 8.
        channels: Rows of the audio.
    """

    def __init__(self, factor: int, channels: int) -> None:
        self.stages = stages(factor)
        self.state = {}
        for index, stage in enumerate(self.stages):
            self.state[f"up{index}"] = np.zeros((channels, len(stage.up) - 1))
            self.state[f"down{index}"] = np.zeros((channels, len(stage.down) - 1))

    def up(self, x: np.ndarray) -> np.ndarray:
        """(channels, frames) to (channels, factor * frames), float64."""
        for index, stage in enumerate(self.stages):
            stuffed = np.zeros((x.shape[0], 2 * x.shape[1]))
            stuffed[:, ::2] = x
            x = self._filter(f"up{index}", stuffed, stage.up)
        return x

    def down(self, x: np.ndarray) -> np.ndarray:
        """(channels, factor * frames) to (channels, frames), float64."""
        for index, stage in reversed(tuple(enumerate(self.stages))):
            x = self._filter(f"down{index}", x, stage.down)[:, ::2]
        return x

    def _filter(self, name: str, x: np.ndarray, taps: np.ndarray) -> np.ndarray:
        line = np.concatenate([self.state[name], x], axis=1)
        self.state[name][:] = line[:, x.shape[1] :]
        return np.stack([np.convolve(row, taps, mode="valid") for row in line])
