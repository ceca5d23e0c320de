"""A recording read at another clock: from a fractional place on, with a step of almost one sample."""

from __future__ import annotations

import numpy as np

_HALF = 64  # taps on either side: flat to 1e-6 up to 0.93 of the Nyquist frequency
_BETA = 11.0
_SIZE = 1 << 16
_CHUNK = _SIZE - 2 * _HALF + 1


def warp(audio: np.ndarray, start: float, step: float, frames: int) -> np.ndarray:
    """The samples of a recording at the places `start + n * step`.

    Band-limited interpolation: soxr undoes the step, a windowed sinc (Kaiser) the fraction that is left. Whole places with a
    step of exactly 1 are copied bit by bit. What lies outside the recording is silence.

    Args:
        audio: float32 (frames,).
        start: Place of the first sample, in samples of `audio`; may be negative.
        step: Distance of two samples, near 1.
        frames: How many.

    Returns:
        float32 (frames,).
    """
    from fxlab.audio.soxr import soxr

    if step != 1.0:
        # soxr keeps the first sample in place, so only a shift remains, the same for all samples.
        audio = soxr.resample(np.asarray(audio, np.float32), step, 1.0, quality="VHQ")
        start /= step
    whole = int(np.floor(start + 1e-9))
    fraction = start - whole
    if abs(fraction) < 1e-6:
        return _cut(audio, whole, whole + frames)
    kernel = np.fft.rfft(_kernel(fraction), _SIZE)
    out = np.empty(frames, np.float32)
    for first in range(0, frames, _CHUNK):
        count = min(_CHUNK, frames - first)
        piece = _cut(audio, whole + first - _HALF + 1, whole + first + count + _HALF)
        product = np.fft.irfft(np.fft.rfft(piece, _SIZE) * kernel, _SIZE)
        out[first : first + count] = product[2 * _HALF - 1 :][:count]
    return out


def _kernel(fraction: float) -> np.ndarray:
    """Weights of the samples -_HALF + 1 .. _HALF for the place `fraction` between 0 and 1, in reversed order."""
    distance = np.arange(-_HALF + 1, _HALF + 1) - fraction
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / _HALF) ** 2))) / np.i0(_BETA)
    weights = np.sinc(distance) * window
    return (weights / weights.sum())[::-1]


def _cut(audio: np.ndarray, first: int, last: int) -> np.ndarray:
    """Samples first .. last - 1, silence where there are none."""
    out = np.zeros(last - first, np.float32)
    inside = slice(max(first, 0), max(0, min(last, len(audio))))
    if inside.stop > inside.start:
        out[inside.start - first : inside.stop - first] = audio[inside]
    return out
