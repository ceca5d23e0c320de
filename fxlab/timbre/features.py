"""What is heard of a recording: pitch, loudness and timbre, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fxlab.audio import files
from fxlab.audio.resampling import resample
from fxlab.timbre import cache as kept
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import A4_HZ, Features
from fxlab.timbre.loudness import frame_size, loudness_db
from fxlab.timbre.refinement import refined
from fxlab.timbre.tracker import VOICED, Pitch, Tracker

HEARD_S = 0.05
"""What a tracker says of a moment holds for others as near as this."""
_SAME_NOTE = np.log(2) / 12  # further apart, two neighbouring moments are two notes and not a slide


def extract(
    audio: np.ndarray, rate_hz: int, config: InstrumentConfig, tracker: Tracker, *, without_mfcc: bool = False
) -> Features:
    """A recording's features in an instrument's frames, of which there are 1 + n // hop, n being its samples at that rate.

    Args:
        audio: One channel, (frames,), at least one.
        rate_hz: Its sample rate.
        config: The instrument: rate, hop, how many coefficients.
        tracker: Finds the pitch, which is then refined.
        without_mfcc: Leaves the timbre out, and torch.

    Returns:
        float32 arrays. Where there is no pitch, the last one before is held; the first one before it is heard; 440 Hz where
        there is none at all.

    Raises:
        MissingError: torchaudio, which the timbre needs, isn't installed.
    """
    sound = resample(np.asarray(audio, np.float32), rate_hz, config.sample_rate_hz)
    sound = sound if len(sound) else np.zeros(1, np.float32)  # less than one sample at that rate
    frames = 1 + len(sound) // config.hop
    size = frame_size(config.sample_rate_hz, config.hop)
    f0_hz, voiced = _in_frames(tracker(sound, config.sample_rate_hz), np.arange(frames) / config.frame_rate_hz)
    f0_hz = _held(refined(f0_hz, voiced, sound, config.sample_rate_hz, config.hop, size), voiced)
    loudness = loudness_db(sound, config.sample_rate_hz, config.hop, frames)
    mfcc = None
    if config.mfcc and not without_mfcc:
        from fxlab.timbre.torchaudio_mfcc import mfcc as coefficients

        mfcc = coefficients(sound, config.sample_rate_hz, config.hop, config.mfcc, size)
    single = (np.asarray(array, np.float32) for array in (f0_hz, voiced, loudness))
    return Features(*single, config.frame_rate_hz, mfcc)


def extract_file(
    path: Path, config: InstrumentConfig, tracker: Tracker, cache_folder: Path | None = None, *, without_mfcc: bool = False
) -> Features:
    """`extract` of the mean of an audio file's channels.

    Args:
        path: The file.
        config: The instrument.
        tracker: Finds the pitch, which is then refined.
        cache_folder: Where features are kept, so that the same file isn't heard twice; None for nowhere.
        without_mfcc: Leaves the timbre out, and torch.

    Raises:
        InputError: The file can't be read.
        MissingError: torchaudio, which the timbre needs, isn't installed.
    """

    def heard() -> Features:
        audio, rate_hz = files.read(path)
        return extract(audio.mean(axis=0), rate_hz, config, tracker, without_mfcc=without_mfcc)

    if cache_folder is None:
        return heard()
    place = kept.place(cache_folder, path, config, tracker.name, 0 if without_mfcc else config.mfcc)
    features = kept.load(place)
    if features is None:
        features = heard()
        kept.store(place, features)
    return features


def _in_frames(pitch: Pitch, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f0 and whether there is one, at other moments: in the logarithm of frequency between neighbours of the same note."""
    confidence = np.where(pitch.f0_hz > 0, pitch.confidence, 0.0)
    right = np.clip(np.searchsorted(pitch.times_s, times_s, side="right"), 1, max(len(pitch.times_s) - 1, 1))
    left, right = right - 1, np.minimum(right, len(pitch.times_s) - 1)
    gap = pitch.times_s[right] - pitch.times_s[left]
    distance = np.minimum(np.abs(times_s - pitch.times_s[left]), np.abs(pitch.times_s[right] - times_s))
    voiced = (np.interp(times_s, pitch.times_s, confidence) >= VOICED) & (distance <= HEARD_S)
    share = np.clip((times_s - pitch.times_s[left]) / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
    log = np.log(np.where(pitch.f0_hz > 0, pitch.f0_hz, A4_HZ))
    sliding = pitch.voiced[left] & pitch.voiced[right] & (np.abs(log[right] - log[left]) < _SAME_NOTE)
    nearer = np.where(pitch.voiced[left] & ~(pitch.voiced[right] & (share > 0.5)), log[left], log[right])
    f0_hz = np.exp(np.where(sliding, log[left] + share * (log[right] - log[left]), nearer))
    return f0_hz, voiced


def _held(f0_hz: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """With the last voiced value in every unvoiced frame."""
    if not voiced.any():
        return np.full_like(f0_hz, A4_HZ)
    last = np.maximum.accumulate(np.where(voiced, np.arange(len(voiced)), -1))
    return f0_hz[np.where(last < 0, np.argmax(voiced), last)]
