"""Third-octave bands (base two, 1 kHz in the middle of one), and their powers from a spectrum."""

from __future__ import annotations

import functools

import numpy as np

CENTRES_HZ = 1000.0 * 2.0 ** (np.arange(-14, 13) / 3.0)
"""39 Hz to 16 kHz, shape (27,)."""

FLOOR_DB = -120.0
_FRAME_S = 0.15  # an FFT is at least so long: 39 Hz and its neighbours are then told apart


def fft_size(sample_rate_hz: int) -> int:
    """The FFT's length that resolves the lowest band: a power of two, 8192 from 28 to 54 kHz."""
    return 1 << max(8, round(np.log2(_FRAME_S * sample_rate_hz * 1.24)))


@functools.lru_cache(maxsize=16)
def matrix(sample_rate_hz: int) -> np.ndarray:
    """Share of every FFT bin in every band, shape (27, bins), for `fft_size`; a bin on an edge counts by parts.

    Bands beyond half the sample rate are empty.
    """
    size = fft_size(sample_rate_hz)
    width = sample_rate_hz / size
    edges = np.arange(size // 2 + 1) * width
    low, high = edges - width / 2, edges + width / 2
    lower, upper = CENTRES_HZ[:, None] * 2 ** (-1 / 6), CENTRES_HZ[:, None] * 2 ** (1 / 6)
    shares = np.clip((np.minimum(high, upper) - np.maximum(low, lower)) / width, 0.0, 1.0)
    return shares.astype(np.float32)


def powers(frames: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Mean square of each band in each frame: (n, fft_size) float32 to (n, 27) float64.

    Hann-windowed; a full-scale sine has the power 1/2.
    """
    size = frames.shape[1]
    window = _window(size)
    spectrum = np.fft.rfft(frames * window, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    scale = 2.0 / (size * float(np.vdot(window, window)))
    return (power @ matrix(sample_rate_hz).T).astype(np.float64) * scale


def to_db(power: np.ndarray) -> np.ndarray:
    """Power in dB, not under -120."""
    return 10.0 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))


@functools.lru_cache(maxsize=8)
def _window(size: int) -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
