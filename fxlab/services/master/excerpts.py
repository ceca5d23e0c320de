"""The loudest part of a master, and the same part of the song that it was made of; neither is ever in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.files import AudioInfo, Reader
from fxlab.audio.loudness import HOPS_PER_SECOND, WeightedPower, windows
from fxlab.audio.passages import passage
from fxlab.audio.resampling import resampled
from fxlab.errors import InputError
from fxlab.mastering.edit import Edit

BLOCK = 65_536

Share = Callable[[float], None]


@dataclass(frozen=True)
class Excerpts:
    """The same part of a song and of what became of it, in step.

    Attributes:
        start_s: Where it begins in the masters.
        rate_hz: Of all of it; the first master's.
        before: Float32, (channels, frames).
        after: Of each master, likewise.
    """

    start_s: float
    rate_hz: int
    before: np.ndarray
    after: tuple[np.ndarray, ...]

    @property
    def seconds(self) -> float:
        return self.before.shape[1] / self.rate_hz


def excerpts(
    source: Path,
    masters: Sequence[Path],
    seconds: float,
    edit: Edit | None = None,
    progress: Share = lambda share: None,
) -> Excerpts:
    """The part in which the first of a song's masters is loudest.

    Args:
        source: The song.
        masters: What became of it, at any rates.
        seconds: Length of the part; less where the song is shorter.
        edit: Trim and fades that the masters got, located.
        progress: Is told the share that is done, 0..1.

    Raises:
        InputError: A file can't be read, or they don't belong together.
    """
    with Reader(masters[0]) as reader:
        info = reader.info
        start, frames = _loudest(reader, round(seconds * info.sample_rate_hz), lambda share: progress(0.6 * share))
    rate = info.sample_rate_hz
    after = []
    for path in masters:
        with Reader(path) as reader:
            after.append(_excerpt(resampled(reader.blocks(BLOCK), reader.info.sample_rate_hz, rate), start, frames))
    with Reader(source) as reader:
        check_belonging(reader.info, info)
        before = _excerpt(entering(reader, edit, rate), start, frames)
    progress(1.0)
    return Excerpts(start / rate, rate, before, tuple(after))


def entering(reader: Reader, edit: Edit | None, rate_hz: int) -> Iterator[np.ndarray]:
    """The song as it enters a master: trimmed and faded, at the master's rate."""
    info = reader.info
    blocks: Iterable[np.ndarray] = reader.blocks(BLOCK)
    if edit is not None:
        blocks = edit.apply(blocks, info.frames, info.sample_rate_hz)
    return resampled(blocks, info.sample_rate_hz, rate_hz)


def check_belonging(source: AudioInfo, master: AudioInfo) -> None:
    """Raises `InputError` where one can't have been made of the other."""
    if source.channels != master.channels:
        raise InputError(
            f"{master.path} has {master.channels} channels, {source.path} has {source.channels}.", "Name a song and its master."
        )


def _loudest(reader: Reader, frames: int, progress: Share) -> tuple[int, int]:
    """First frame and length of the part of so many frames that has the most K-weighted energy, to 0.1 s."""
    info = reader.info
    power = WeightedPower(info.sample_rate_hz, info.channels, info.channel_map, HOPS_PER_SECOND)
    hops = []
    for block in reader.blocks(BLOCK):
        hops.append(power.add(block))
        progress(min(1.0, power.frames / info.frames))
    length = max(1, round(frames * HOPS_PER_SECOND / info.sample_rate_hz))
    means = windows(np.concatenate(hops), length) if hops else np.zeros(0)
    if not len(means):
        return 0, min(frames, power.frames)
    start = int(np.argmax(means)) * info.sample_rate_hz // HOPS_PER_SECOND
    return start, min(frames, power.frames - start)


def _excerpt(blocks: Iterable[np.ndarray], start: int, frames: int) -> np.ndarray:
    found = passage(blocks, start, frames)
    if found is None:
        raise InputError("There is nothing left of the song.", "Trim less of it.")
    return found
