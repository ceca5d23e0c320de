"""Where a song begins and ends: silence trimmed off both ends, and fades."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

TRIM_DB = -70.0
"""Below this level the ends of a song count as silence unless something else is said."""

BEFORE_S, AFTER_S = 0.005, 0.05
"""Silence that is left before the first sound and after the last one."""


@dataclass(frozen=True)
class Edit:
    """What is done to the ends of a song.

    Attributes:
        trim_db: Level in dB of full scale, of single samples, under which both ends are silence and cut off; None cuts nothing.
        fade_in_s, fade_out_s: Length of the fades, raised cosines; 0 for none. Longer ones than the song overlap.
        ends: First frame that is kept and the one after the last, as `find_ends` gives them; needed where `trim_db` is set.
    """

    trim_db: float | None = None
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    ends: tuple[int, int] | None = None

    def located(self, blocks: Iterable[np.ndarray], sample_rate_hz: int) -> Edit:
        """The same with `ends` known, for which the song is read once where something is to be trimmed."""
        if self.trim_db is None:
            return self
        return dataclasses.replace(self, ends=find_ends(blocks, sample_rate_hz, self.trim_db))

    def frames(self, frames: int, sample_rate_hz: int) -> int:
        """Frames that are left of so many."""
        first, stop = self._kept(frames)
        return stop - first

    def apply(self, blocks: Iterable[np.ndarray], frames: int, sample_rate_hz: int) -> Iterator[np.ndarray]:
        """The edited song.

        Args:
            blocks: The whole of it, float32 (channels, n).
            frames: Its length.

        Returns:
            Blocks, `self.frames(...)` frames in all; any split of the input gives the same samples.
        """
        first, stop = self._kept(frames)
        length = stop - first
        fade_in, fade_out = (round(seconds * sample_rate_hz) for seconds in (self.fade_in_s, self.fade_out_s))
        at = 0
        for block in blocks:
            piece = block[:, max(0, first - at) : max(0, stop - at)]
            start = max(0, at - first)
            at += block.shape[1]
            if not piece.shape[1]:
                continue
            end = start + piece.shape[1]
            if start < fade_in or end > length - fade_out:
                place = np.arange(start, end) + 0.5
                gain = _rise(place, fade_in) * _rise(length - place, fade_out)
                piece = piece * gain.astype(np.float32)
            yield piece

    def _kept(self, frames: int) -> tuple[int, int]:
        if self.trim_db is None:
            return 0, frames
        if self.ends is None:
            raise ValueError("an Edit that trims has to be located first")
        first, stop = self.ends
        return min(first, frames), min(stop, frames)


def find_ends(blocks: Iterable[np.ndarray], sample_rate_hz: int, trim_db: float = TRIM_DB) -> tuple[int, int]:
    """First frame to keep and the one after the last.

    No sample above `trim_db` is cut off, and a little silence stays. Where none is above it, nothing is cut.

    Args:
        blocks: The song, (channels, n).
        trim_db: As for `Edit`.
    """
    level = 10 ** (trim_db / 20)
    first = last = None
    frames = 0
    for block in blocks:
        loud = np.abs(block).max(axis=0) > level
        if loud.any():
            first = frames + int(np.argmax(loud)) if first is None else first
            last = frames + block.shape[1] - 1 - int(np.argmax(loud[::-1]))
        frames += block.shape[1]
    if first is None:
        return 0, frames
    return max(0, first - round(BEFORE_S * sample_rate_hz)), min(frames, last + 1 + round(AFTER_S * sample_rate_hz))


def _rise(place: np.ndarray, length: int) -> np.ndarray:
    """Gain at some distance from a song's end: from 0 to 1 within `length`."""
    return 0.5 - 0.5 * np.cos(math.pi * np.clip(place / length, 0.0, 1.0)) if length else np.ones(len(place))
