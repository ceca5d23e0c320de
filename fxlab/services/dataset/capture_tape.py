"""The recording of `fxlab dataset --capture`: every input into a file of its own, and a close look at what comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from fxlab.audio import round_trip
from fxlab.audio.float_wav import FloatWav
from fxlab.errors import CheckError, MissingError

LEAD_S = 5.0
"""Before the signal: streams stumble when they begin, and the noise can be heard."""
BURST_S = 1.5
"""Before the signal, and after all of it is back, by so much a burst is played: the way must still be as long as it was."""
LATEST_S = 2.0
"""By which sound may come back late."""

_AGAIN = "Record again with a larger --buffer, and with less else running."
_CLIPS = 2  # samples at full scale that may be chance
_FAINTEST = 1e-5
_OVER_NOISE = 2.0
_CLOCKS = 3e-4  # two clocks differ by less


class Tape:
    """Takes what comes back, from the first sample on.

    Args:
        paths: A file for each channel, already open folders.
        rate: In Hz.
        frames: To write to each file; what comes later isn't part of the recording.
        heard_by: Frame of the signal by which something must have come back, apart from its way.
        gaps: Gives the seconds, since the beginning of the signal, at which something was lost.

    Attributes:
        frames: Written to each file.
        noise: RMS of each channel before the signal, (channels,).
        peak: Of each channel since, (channels,).
        grown: After `finish`, by how many samples sound came back later in the end, and over how many frames; None if unknown.
        loudest: The channel with most sound.
    """

    def __init__(self, paths: list[Path], rate: int, frames: int, heard_by: int, gaps: Callable[[], list[float]]) -> None:
        self._files: list[BinaryIO] = [open(path, "wb") for path in paths]  # noqa: SIM115 - closed by `close`
        self._writers = [FloatWav(file, rate) for file in self._files]
        self._rate, self._gaps = rate, gaps
        self._wanted, self._around = frames, np.zeros((2, len(paths), round(BURST_S * rate)), np.float32)
        self._lead, self._judged_at = round(LEAD_S * rate), heard_by + round(LATEST_S * rate)
        self._position = self.frames = self._clipped = 0
        self._quiet_frames, self._judged = 0, False
        self.grown: tuple[int, int] | None = None
        self._quiet, self._energy, self.peak = (np.zeros(len(paths)) for _ in range(3))

    @property
    def noise(self) -> np.ndarray:
        return np.sqrt(self._quiet / max(self._quiet_frames, 1))

    @property
    def loudest(self) -> int:
        return int(np.argmax(self._energy))

    def take(self, block: np.ndarray) -> None:
        """The next float32 (channels, n).

        Raises:
            MissingError: Nothing comes back.
            CheckError: It clips, or something was lost.
            OutputError: The file is full.
        """
        settled = round(self._lead / 2)
        first, end = self._lead - round(BURST_S * self._rate), self._lead + self._wanted
        before = self._part(block, settled, first)
        self._quiet += np.sum(before.astype(np.float64) ** 2, axis=1)
        self._quiet_frames += before.shape[1]
        for line, start in zip(self._around, (first, end), strict=True):
            part = self._part(block, start, start + line.shape[1])
            at = max(0, self._position - start)
            line[:, at : at + part.shape[1]] = part
        sound = self._part(block, self._lead, end)
        self._position += block.shape[1]
        if not sound.shape[1]:
            return
        for writer, line in zip(self._writers, sound, strict=True):
            writer.write(line)
        self.frames += sound.shape[1]
        self._energy += np.sum(sound.astype(np.float64) ** 2, axis=1)
        self.peak = np.maximum(self.peak, np.abs(sound).max(axis=1))
        self._clipped += np.count_nonzero(np.abs(sound) >= round_trip.FULL)
        self._require_whole()
        if not self._judged and self.frames >= self._judged_at:
            self._require_sound()

    def finish(self) -> None:
        """Completes the files; raises `MissingError` and `CheckError` as `take`."""
        self._require_sound()
        before, after = (round_trip.delay_of_burst(line[self.loudest], self._rate) for line in self._around)
        if before is not None and after is not None:
            self.grown = after - before, self._wanted + round(BURST_S * self._rate)
        if self.grown and abs(self.grown[0]) > 2 + _CLOCKS * self.grown[1]:
            raise CheckError(
                f"Sound was lost on the way: it came back {before} samples late at first and {after} in the end.", _AGAIN
            )
        for writer in self._writers:
            writer.finish()

    def _part(self, block: np.ndarray, start: int, end: int) -> np.ndarray:
        """What a block has of the frames since the stream began, `start` to `end`."""
        return block[:, max(0, start - self._position) : max(0, end - self._position)]

    def close(self) -> None:
        for file in self._files:
            file.close()

    def _require_whole(self) -> None:
        at_s = self.frames / self._rate
        if self._clipped > _CLIPS:
            raise CheckError(
                f"The input is overdriven: what comes back clips by {at_s:.1f} s.",
                "Turn the input's gain or the device's output down, or play at a lower --level-db.",
            )
        if lost := self._gaps():
            raise CheckError(
                f"Sound was lost at {lost[0]:.1f} s of the recording (xrun): a pair with a gap is worth nothing.",
                _AGAIN,
            )

    def _require_sound(self) -> None:
        self._judged = True
        power = np.sqrt(self._energy / max(self.frames, 1))
        if np.any((power > _OVER_NOISE * self.noise) & (self.peak > _FAINTEST)):
            return
        peak = float(self.peak.max(initial=0))
        what = f"only noise, {20 * np.log10(peak):.0f} dB of full scale at most" if peak > 0 else "the input is silent"
        raise MissingError(
            f"Nothing of the signal came back: {what}.",
            "Connect output, device and input, turn the input up, or choose --input-device and --output-device.",
        )
