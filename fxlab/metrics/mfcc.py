"""Mel-frequency cepstral coefficients as librosa's defaults define them, on NumPy alone.

Published figures that rest on `librosa.feature.mfcc` (0.9 to 0.11) can be compared with these: power spectra of a periodic Hann
window over 2048 samples every 512, frames centred and padded with zeros; 128 triangles on Slaney's mel scale (Auditory
Toolbox, 1998) from 0 Hz to half the rate, each of unit area; decibels re 1 with a floor of 1e-10 and of 80 dB below the loudest
value; the first 20 coefficients of an orthonormal DCT-II.
"""

from __future__ import annotations

import functools
import math

import numpy as np

SIZE, HOP = 2048, 512
BANDS, COEFFICIENTS = 128, 20
_FLOOR, _RANGE_DB = 1e-10, 80.0

# Slaney's scale: linear to 1 kHz, 15 mel there, then 27 mel for every factor of 6.4.
_LINEAR_HZ, _BREAK_HZ, _FACTOR, _STEPS = 200 / 3, 1000.0, 6.4, 27


def mfcc(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Coefficients over time.

    Args:
        audio: Shape (n,), any float type, n at least 1.
        rate_hz: Its sample rate.

    Returns:
        float64 (1 + n // 512, 20); frame i is centred on sample 512 i.
    """
    padded = np.pad(np.asarray(audio, np.float64), SIZE // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    spectrum = np.fft.rfft(frames * window)
    bands = (spectrum.real**2 + spectrum.imag**2) @ mel_filters(rate_hz).T
    decibels = 10 * np.log10(np.maximum(bands, _FLOOR))
    coefficients: np.ndarray = np.maximum(decibels, decibels.max() - _RANGE_DB) @ _cosines()
    return coefficients


@functools.lru_cache(maxsize=8)
def mel_filters(rate_hz: int) -> np.ndarray:
    """Weights of the power spectrum's bins in each band, shape (128, 1025)."""
    mel = np.linspace(0.0, _mel(rate_hz / 2), BANDS + 2)
    low, middle, high = (_hertz(mel)[i : i + BANDS, None] for i in range(3))
    bins = np.fft.rfftfreq(SIZE, 1 / rate_hz)
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    weights: np.ndarray = np.maximum(triangles, 0.0) * (2 / (high - low))
    return weights


@functools.cache
def _cosines() -> np.ndarray:
    """Bands to coefficients, shape (128, 20)."""
    matrix: np.ndarray = np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS))) * np.sqrt(2 / BANDS)
    matrix[:, 0] /= np.sqrt(2)
    return matrix


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HZ:
        return hertz / _LINEAR_HZ
    return _BREAK_HZ / _LINEAR_HZ + _STEPS * math.log(hertz / _BREAK_HZ) / math.log(_FACTOR)


def _hertz(mel: np.ndarray) -> np.ndarray:
    above = mel - _BREAK_HZ / _LINEAR_HZ
    return np.where(above < 0, mel * _LINEAR_HZ, _BREAK_HZ * _FACTOR ** (above / _STEPS))
