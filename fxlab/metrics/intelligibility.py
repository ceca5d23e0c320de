"""How well speech comes through: scale-invariant signal-to-noise ratio, and extended short-time objective intelligibility."""

from __future__ import annotations

import functools
import math

import numpy as np

from fxlab.audio.resampling import resample

RATE_HZ = 10_000
FRAME, HOP, FFT = 256, 128, 512
SEGMENT = 30
"""Frames that are compared as one: 384 ms, in which modulations as slow as those of speech show."""
BANDS, LOWEST_HZ = 15, 150.0
RANGE_DB = 40.0
"""Frames of the clean signal that are farther below its loudest one count as silence."""

_TINY = float(np.finfo(np.float64).eps)
_SEGMENTS_AT_ONCE = 2048  # bounds memory, whatever the length of the audio


def si_snr_db(target: np.ndarray, output: np.ndarray) -> float | None:
    """Scale-invariant signal-to-noise ratio in dB (Le Roux et al. 2019, "SDR - half-baked or well done?").

    What of the output is a multiple of the target, over the rest, the means of both taken out.

    Args:
        target, output: (frames,) each.

    Returns:
        dB; None where it has no finite value: a silent target, or an output that is a multiple of it.

    Raises:
        ValueError: Different shapes, or no samples.
    """
    target, output = _pair(target, output)
    target, output = target - target.mean(), output - output.mean()
    energy = float(target @ target)
    if not energy:
        return None
    wanted = (output @ target) / energy * target
    signal, rest = float(wanted @ wanted), float(np.sum((output - wanted) ** 2))
    return 10 * math.log10(signal / rest) if signal and rest > 1e-20 * signal else None


def estoi(clean: np.ndarray, heard: np.ndarray, rate_hz: int) -> float | None:
    """Extended short-time objective intelligibility (Jensen and Taal 2016, doi 10.1109/TASLP.2016.2585878).

    Both signals at 10 kHz, without the frames in which the clean one is silent; amplitudes in 15 third-octave bands from 150 Hz;
    segments of 30 frames, normalised in mean and variance over time and then over bands; the mean of their correlations.

    Args:
        clean, heard: Speech, and the same speech as it arrives, (frames,) each and aligned.
        rate_hz: Their sample rate.

    Returns:
        About 0 (nothing of it can be understood) to 1 (all of it); None where less than 384 ms of speech are there.

    Raises:
        ValueError: Different shapes, or no samples.
    """
    clean, heard = _pair(clean, heard)
    if rate_hz != RATE_HZ:
        clean, heard = (np.asarray(resample(audio, rate_hz, RATE_HZ), np.float64) for audio in (clean, heard))
    clean, heard = _without_silence(clean, heard)
    bands = [_bands(audio) for audio in (clean, heard)]
    count = len(bands[0]) - SEGMENT + 1
    if count < 1 or not clean.any():
        return None
    total = 0.0
    for start in range(0, count, _SEGMENTS_AT_ONCE):
        stop = min(count, start + _SEGMENTS_AT_ONCE) + SEGMENT - 1
        pieces = (np.lib.stride_tricks.sliding_window_view(one[start:stop], SEGMENT, axis=0) for one in bands)
        total += float(np.vdot(*(_normalised(_normalised(piece, -1), -2) for piece in pieces)))
    return total / (SEGMENT * count)


@functools.cache
def third_octaves() -> np.ndarray:
    """Which bins of the `FFT` are in which band, 0 or 1, float64 (BANDS, FFT / 2 + 1); edges lie on the nearest bins."""
    bins = np.arange(FFT // 2 + 1) * RATE_HZ / FFT
    edges = LOWEST_HZ * 2.0 ** ((2 * np.arange(BANDS + 1) - 1) / 6)
    first = np.array([np.argmin(np.abs(bins - edge)) for edge in edges])
    at = np.arange(len(bins))
    return ((at >= first[:-1, None]) & (at < first[1:, None])).astype(np.float64)


def window() -> np.ndarray:
    """The Hann window of a frame, (FRAME,), without zeros at its ends."""
    return np.hanning(FRAME + 2)[1:-1]


def _frames(audio: np.ndarray) -> np.ndarray:
    """Windowed frames (count, FRAME), a view times the window; the last sample begins none, as in the authors' program."""
    if len(audio) <= FRAME:
        return np.zeros((0, FRAME))
    frames: np.ndarray = np.lib.stride_tricks.sliding_window_view(audio[:-1], FRAME)[::HOP] * window()
    return frames


def _without_silence(clean: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both signals put together from the frames in which the clean one sounds."""
    frames = _frames(clean), _frames(heard)
    levels = 20 * np.log10(np.linalg.norm(frames[0], axis=1) + _TINY)
    sounding = levels > levels.max(initial=-np.inf) - RANGE_DB
    joined = []
    for one in frames:
        halves = one[sounding].reshape(-1, 2, HOP)
        audio = np.zeros((len(halves) + 1, HOP))
        audio[:-1] += halves[:, 0]
        audio[1:] += halves[:, 1]
        joined.append(audio.ravel())
    return joined[0], joined[1]


def _bands(audio: np.ndarray) -> np.ndarray:
    """Amplitudes (frames, BANDS)."""
    amplitudes: np.ndarray = np.sqrt(np.abs(np.fft.rfft(_frames(audio), FFT)) ** 2 @ third_octaves().T)
    return amplitudes


def _normalised(segments: np.ndarray, axis: int) -> np.ndarray:
    centred = segments - segments.mean(axis=axis, keepdims=True)
    unit: np.ndarray = centred / (np.linalg.norm(centred, axis=axis, keepdims=True) + _TINY)
    return unit


def _pair(target: np.ndarray, output: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target, output = np.asarray(target, np.float64), np.asarray(output, np.float64)
    if target.shape != output.shape or target.ndim != 1 or not target.size:
        raise ValueError(f"target and output must be mono audio of one length, not {target.shape} and {output.shape}")
    return target, output
