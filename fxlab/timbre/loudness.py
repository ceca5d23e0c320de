"""How loud an instrument is at every moment, as the ear weighs it."""

from __future__ import annotations

import numpy as np

from fxlab.audio.a_weighting import a_weights
from fxlab.timbre.frames import SILENCE_DB

_SECONDS = 0.0929  # 2048 samples at 22,050 Hz: the lowest note that is tracked has four periods in it
_BLOCK = 512  # frames transformed at once


def frame_size(rate_hz: int, hop: int) -> int:
    """Samples in an analysis frame: the power of two nearest to 93 ms, and at least two hops."""
    return max(1 << round(np.log2(_SECONDS * rate_hz)), 1 << int(2 * hop - 1).bit_length())


def loudness_db(audio: np.ndarray, rate_hz: int, hop: int, frames: int) -> np.ndarray:
    """A-weighted level over time (IEC 61672-1), 0 dB being that of a 1 kHz tone of RMS 1; a full-scale sine has -3.01 dB.

    Each frame is a periodic Hann window of `frame_size` samples centred on sample f * hop, with silence around the audio.

    Args:
        audio: Shape (n,), any float type.
        rate_hz: Its sample rate.
        hop: Samples from frame to frame.
        frames: How many.

    Returns:
        float64 (frames,), `SILENCE_DB` and above.
    """
    size = frame_size(rate_hz, hop)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    weights = 2 * a_weights(np.fft.rfftfreq(size, 1 / rate_hz)) / (size * np.sum(window**2))
    weights[-1] /= 2
    padded = np.zeros(max(len(audio) + size // 2, (frames - 1) * hop + size))
    padded[size // 2 : size // 2 + len(audio)] = audio
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:frames]
    power = np.empty(frames)
    for start in range(0, frames, _BLOCK):
        spectrum = np.fft.rfft(windows[start : start + _BLOCK] * window)
        power[start : start + _BLOCK] = (spectrum.real**2 + spectrum.imag**2) @ weights
    return np.maximum(10 * np.log10(np.maximum(power, 1e-30)), SILENCE_DB)
