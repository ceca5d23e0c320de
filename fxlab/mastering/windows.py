"""Parts of a song for the network to hear, taken while the song is read: bounded, however long it is."""

from __future__ import annotations

import math

import numpy as np

from fxlab.audio.resampling import resample

COUNT = 8
FRAMES = 16_384
RATE_HZ = 44_100
_MARGIN = 256  # input frames on each side, in which resampling rings


class WindowTaker:
    """Takes parts of a song that are spread evenly over it.

    Args:
        sample_rate_hz: The song's.
        frames: Its length as announced.
    """

    def __init__(self, sample_rate_hz: int, frames: int) -> None:
        self._rate = sample_rate_hz
        self._length = math.ceil(FRAMES * sample_rate_hz / RATE_HZ) + 2 * _MARGIN
        self._starts = np.linspace(0, max(0, frames - self._length), COUNT).astype(int)
        self._taken = np.zeros((COUNT, 2, self._length), np.float32)
        self._at = 0

    def add(self, block: np.ndarray) -> None:
        """Takes the next of the song, (channels, n); of more than two channels the first two, one counts as both."""
        stereo = block[:2] if len(block) > 1 else np.repeat(block, 2, axis=0)
        stop = self._at + block.shape[1]
        for start, window in zip(self._starts, self._taken, strict=True):
            first, last = max(start, self._at), min(start + self._length, stop)
            if first < last:
                window[:, first - start : last - start] = stereo[:, first - self._at : last - self._at]
        self._at = stop

    def windows(self) -> np.ndarray:
        """The parts at 44.1 kHz: (8, 2, 16384) float32, left and right, with silence where the song is shorter."""
        margin = round(_MARGIN * RATE_HZ / self._rate)
        whole = [resample(window, self._rate, RATE_HZ)[:, margin : margin + FRAMES] for window in self._taken]
        return np.stack([np.pad(window, ((0, 0), (0, FRAMES - window.shape[1]))) for window in whole])
