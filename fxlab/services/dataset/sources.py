"""What a dataset is made from: the usable parts of dry recordings, and synthesised material."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fxlab.audio import testsignals
from fxlab.audio.files import Reader, read_blocks
from fxlab.audio.resampling import resampled
from fxlab.errors import FxlabError, InputError
from fxlab.hashing import file_sha256, value_sha256

SHORTEST_S = 0.05
"""Takes, and rests of takes behind their last chunk, that are shorter than this are left out."""


@dataclass(frozen=True)
class Take:
    """One channel of a recording, or a synthesised programme.

    Args:
        source: Name of the file as the user knows it.
        sha256: Hash of the file's bytes; of the recipe where it is synthesised.
        channel: Which channel, from 0.
        rate: Sample rate of the source.
        start: First frame used; what lies before is silence.
        stop: End of the frames used.
        path: The file, None where it is synthesised.
        seed: Seed of the programme.
        programme: Length of the programme in frames.
    """

    source: str
    sha256: str
    channel: int
    rate: int
    start: int
    stop: int
    path: Path | None = None
    seed: int = 0
    programme: int = 0

    def part(self, start: int, frames: int, rate: int) -> Take:
        """A piece of it as a take of its own, `start` and `frames` at the sample rate `rate`."""
        first = self.start + round(start * self.rate / rate)
        return replace(self, start=first, stop=min(self.stop, first + round(frames * self.rate / rate)))

    def absolute(self) -> Take:
        """The same, for those who work in another folder."""
        return replace(self, path=self.path.absolute()) if self.path else self

    def frames(self, rate: int) -> int:
        """Length at another sample rate."""
        return round((self.stop - self.start) * rate / self.rate)

    def blocks(self, rate: int) -> Iterator[np.ndarray]:
        """The dry sound at `rate`: float32 (frames,) blocks of any size, `frames(rate)` in all; raises `InputError`."""
        left = self.frames(rate)
        for block in resampled(self._native(), self.rate, rate):
            yield block[0]
            left -= block.shape[1]
        if left:
            raise InputError(f"{self.source} has another length than a moment ago.", "Is something writing to it?")

    def _native(self) -> Iterator[np.ndarray]:
        position = 0
        for frames, sound in self._sounds():
            first, last = max(self.start - position, 0), min(self.stop - position, frames)
            if first < last:
                yield sound()[None, first:last]
            position += frames
            if position >= self.stop:
                return

    def _sounds(self) -> Iterator[tuple[int, Callable[[], np.ndarray]]]:
        """The whole source piece by piece: a piece's frames, and what gives its sound, (frames,)."""
        if self.path is None:
            for segment in testsignals.programme(self.programme / self.rate, self.rate, self.seed):
                yield segment.frames, partial(testsignals.render, segment, self.rate)
        else:
            for block in read_blocks(self.path):
                yield block.shape[1], partial(block.__getitem__, self.channel)


@dataclass(frozen=True)
class Source:
    """A file and its takes, or why it has none.

    Args:
        name: As the user knows it.
        sha256: Hash of its bytes, empty where it can't be read.
        takes: Its usable channels.
        sounds: A hash per take of what it sounds like, so that a copy in another format is recognised.
        reason: Why there are no takes.
    """

    name: str
    sha256: str = ""
    takes: tuple[Take, ...] = ()
    sounds: tuple[str, ...] = ()
    reason: str = ""


def scan(path: Path, name: str, trim_db: float) -> Source:
    """Reads a whole file in constant memory: its hash, where its sound begins and ends, and whether it can be used at all."""
    try:
        return _scan(path, name, 10 ** (trim_db / 20))
    except FxlabError as error:
        return Source(name, reason=error.message)
    except OSError as error:
        return Source(name, reason=f"It can't be read: {error.strerror or error}.")


def _scan(path: Path, name: str, threshold: float) -> Source:
    with Reader(path) as reader:
        return _listen(reader, path, name, file_sha256(path), threshold)


def _listen(reader: Reader, path: Path, name: str, sha256: str, threshold: float) -> Source:
    rate, channels = reader.info.sample_rate_hz, reader.info.channels
    first, last = np.full(channels, -1), np.zeros(channels, int)
    low, high = np.full(channels, np.inf), np.full(channels, -np.inf)
    sounds = [hashlib.sha256(f"{rate}:".encode()) for _ in range(channels)]
    position = 0
    for block in reader.blocks():
        if reader.replaced:
            return Source(name, sha256, reason="It holds samples that are not numbers (NaN or infinity).")
        loud = np.abs(block) >= threshold
        for channel in np.flatnonzero(loud.any(axis=1)):
            if first[channel] < 0:
                first[channel] = position + int(np.argmax(loud[channel]))
            last[channel] = position + block.shape[1] - int(np.argmax(loud[channel, ::-1]))
        low, high = np.minimum(low, block.min(axis=1)), np.maximum(high, block.max(axis=1))
        for channel in range(channels):
            sounds[channel].update(np.ascontiguousarray(block[channel]).tobytes())
        position += block.shape[1]
    audible = [c for c in range(channels) if first[c] >= 0]
    long = [c for c in audible if last[c] - first[c] >= SHORTEST_S * rate]
    moving = [c for c in long if high[c] - low[c] >= threshold]
    if not moving:
        short = f"Its sound is shorter than {SHORTEST_S * 1000:g} ms."
        return Source(name, sha256, reason="It is constant." if long else short if audible else "It is silent.")
    # Both sides of dual mono are one take.
    distinct = {sounds[c].hexdigest(): c for c in reversed(moving)}
    takes = {sound: Take(name, sha256, c, rate, int(first[c]), int(last[c]), path) for sound, c in reversed(distinct.items())}
    return Source(name, sha256, tuple(takes.values()), tuple(takes))


def without_copies(sources: Sequence[Source]) -> tuple[list[Source], dict[str, str], list[tuple[str, str]]]:
    """Drops sounds that occurred in an earlier source.

    Returns:
        The sources with what is new in each; source hash to the hash of the group that must stay on one side of the split
        (sources that share a channel are parts of one take); name and reason of each source that has nothing new.
    """
    kept: list[Source] = []
    groups: dict[str, str] = {}
    members: defaultdict[str, list[str]] = defaultdict(list)  # of each group
    copies: list[tuple[str, str]] = []
    owner: dict[str, Source] = {}
    for source in sources:
        new = [i for i, sound in enumerate(source.sounds) if sound not in owner]
        shared = [owner[sound] for sound in source.sounds if sound in owner]
        joined = {groups[other.sha256] for other in shared}
        group = min(joined | ({source.sha256} if new else set()))
        # A copy too: the stereo file of two mono ones shows that they are one take.
        for other in joined - {group}:
            members[group] += members.pop(other)
            groups |= dict.fromkeys(members[group], group)
        if not new:
            copies.append((source.name, f"It sounds the same as {shared[0].name}."))
            continue
        groups[source.sha256] = group
        members[group].append(source.sha256)
        source = Source(source.name, source.sha256, tuple(source.takes[i] for i in new), tuple(source.sounds[i] for i in new))
        owner |= dict.fromkeys(source.sounds, source)
        kept.append(source)
    return kept, groups, copies


def synthesized(split: str, seconds: float, rate: int, seed: int) -> Take:
    """A programme of test signals for one split; other splits get other segments."""
    frames = max(1, round(seconds * rate))
    own_seed = 3 * seed + ("train", "validation", "test").index(split)
    recipe = {"testsignals": testsignals.VERSION, "frames": frames, "rate": rate, "seed": own_seed}
    return Take(f"synthesized ({split})", value_sha256(recipe), 0, rate, 0, frames, None, own_seed, frames)
