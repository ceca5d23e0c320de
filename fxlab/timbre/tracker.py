"""Who listens for the pitch: swift-f0, or anything else of the same form, such as a table (`fxlab.timbre.table`)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fxlab.audio.resampling import resample
from fxlab.errors import MissingError
from fxlab.timbre.octave import in_octave

VOICED = 0.5
"""Confidence from which on there is a pitch."""
_RATE_HZ = 16_000
_PEAK = 0.5  # the network hears absolute levels: everything is brought to this one
_SILENT = 1e-4


@dataclass(frozen=True)
class Pitch:
    """What a tracker heard.

    Args:
        times_s: Moments, (n,), ascending.
        f0_hz: Fundamental frequency at each, (n,), positive where there is one.
        confidence: 0..1 for each, (n,); from `VOICED` on there is a pitch.
    """

    times_s: np.ndarray
    f0_hz: np.ndarray
    confidence: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """bool (n,)."""
        return (self.confidence >= VOICED) & (self.f0_hz > 0)


class Tracker(Protocol):
    """Finds the pitch of mono audio.

    Attributes:
        name: What it is called, with its version: what was learnt from one tracker's pitch may not suit another's.
    """

    name: str

    def __call__(self, audio: np.ndarray, rate_hz: int) -> Pitch:
        """The pitch of float32 audio (n,), n at least 1."""
        ...


class SwiftF0:
    """L. Nieradzik's swift-f0: a network of 14,386 weights, 46.9..2093.75 Hz, every 16 ms, the same whatever the audio's level.

    Where the waveform contradicts it, its octave is corrected (`fxlab.timbre.octave`).

    Raises:
        MissingError: It isn't installed.
    """

    def __init__(self) -> None:
        self.name = f"swift-f0 {_version()}"

    def __call__(self, audio: np.ndarray, rate_hz: int) -> Pitch:
        heard = resample(audio, rate_hz, _RATE_HZ)
        peak = float(np.max(np.abs(heard), initial=0.0))
        if peak < _SILENT:
            return Pitch(np.zeros(1), np.zeros(1), np.zeros(1))
        found = _detector().detect(heard * np.float32(_PEAK / peak), _RATE_HZ)
        pitch = Pitch(found.timestamps, found.pitch_hz, found.confidence)
        at = np.rint(pitch.times_s[pitch.voiced] * _RATE_HZ).astype(int)
        pitch.f0_hz[pitch.voiced] = in_octave(pitch.f0_hz[pitch.voiced], heard, at, _RATE_HZ)
        return pitch


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("swift-f0")
    except PackageNotFoundError:
        raise MissingError(
            "swift-f0, which finds the pitch of recordings, is not installed.",
            "Install it: `pip install swift-f0`; or give the pitch as a table: `--f0 FILE.csv`.",
        ) from None


@functools.lru_cache(maxsize=1)
def _detector() -> Any:
    from swift_f0 import SwiftF0 as Detector

    return Detector(threads=1, spin=False)
