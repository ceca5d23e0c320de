"""Queues of audio between the audio thread and everybody else; the audio thread's side is in `rings_kernel`."""

from __future__ import annotations

import numpy as np

from fxlab.live.records import RING


class Ring:
    """A queue of (channels, frames) float32 audio with one writer and one reader, neither of whom ever waits.

    Args:
        channels: Rows.
        frames: Room for at least so many frames.
    """

    def __init__(self, channels: int, frames: int) -> None:
        self.size = 1 << max(1, frames - 1).bit_length()
        # Written, not only promised: else the audio thread would meet a page for the first time ten to fifty times a second.
        self.samples = np.full((channels, self.size), 0, np.float32)
        self._record = np.zeros(1, RING)
        self._record["at"], self._record["channels"], self._record["size"] = self.samples.ctypes.data, channels, self.size
        self.address = self._record.ctypes.data

    @property
    def waiting(self) -> int:
        """Frames written and not yet read."""
        return int(self._record["written"][0] - self._record["read"][0])

    @property
    def room(self) -> int:
        """Frames that can be pushed."""
        return self.size - self.waiting

    @property
    def lost(self) -> int:
        """Frames that found no room, or that were asked for before they were there."""
        return int(self._record["lost"][0])

    @property
    def written(self) -> int:
        """Frames ever written."""
        return int(self._record["written"][0])

    @property
    def ended(self) -> bool:
        return bool(self._record["ended"][0])

    def end(self) -> None:
        """Says that nothing more will be pushed."""
        self._record["ended"] = 1

    def push(self, block: np.ndarray) -> None:
        """Appends a block, for which there must be room."""
        self._copy(block, self.written, into=True)
        self._record["written"] += block.shape[1]

    def pull(self, frames: int) -> np.ndarray:
        """Takes out at most so many frames."""
        found = np.empty((len(self.samples), min(frames, self.waiting)), np.float32)
        self._copy(found, int(self._record["read"][0]), into=False)
        self._record["read"] += found.shape[1]
        return found

    def latest(self, frames: int, since: int = 0) -> np.ndarray:
        """The last frames shown, at most so many and none before the `since`-th ever; of a ring that is only looked at."""
        end = self.written
        found = np.empty((len(self.samples), max(0, min(frames, end - since, self.size // 2))), np.float32)
        self._copy(found, end - found.shape[1], into=False)
        return found

    def _copy(self, block: np.ndarray, position: int, into: bool) -> None:
        start, frames = position % self.size, block.shape[1]
        first = min(frames, self.size - start)
        for ours, theirs in (
            (self.samples[:, start : start + first], block[:, :first]),
            (self.samples[:, : frames - first], block[:, first:]),
        ):
            if into:
                ours[...] = theirs
            else:
                theirs[...] = ours
