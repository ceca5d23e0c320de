"""How loud the songs of an album are made, so that they keep their distances: a ballad stays quieter than the single.

All songs get the same gain, that which brings the loudest one to the target, as AES TD1008 (2021) asks for albums: the loudest
track at the target, the others below it as they were. Streaming services that normalise whole albums then turn all songs
alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fxlab.audio.loudness import lufs_of, power_of
from fxlab.audio.programme import Programme
from fxlab.errors import UsageError


@dataclass(frozen=True)
class Album:
    """An album as it comes and as it is to be.

    Attributes:
        lufs: Loudness of all songs together, by their energy; -inf where all are silent.
        anchor: Index of the loudest song, None where all are silent.
        gain_db: What every song gets.
        targets_lufs: What each song is to measure; None for a silent one.
    """

    lufs: float
    anchor: int | None
    gain_db: float
    targets_lufs: tuple[float | None, ...]


def album(songs: Sequence[Programme], target_lufs: float, distance: float = 1.0) -> Album:
    """What the songs are brought to.

    Args:
        songs: Their measures, at the place where the gain comes in: after tone, dynamics and width.
        target_lufs: For the loudest one.
        distance: Share of the distances to the loudest song that is kept: 1 all of it, 0 makes all songs equally loud.

    Raises:
        UsageError: No songs.
    """
    if not songs:
        raise UsageError("An album needs songs.", "Name a folder of songs.")
    levels = [song.integrated_lufs for song in songs]
    loudest = max(levels)
    if not math.isfinite(loudest):
        return Album(-math.inf, None, 0.0, (None,) * len(songs))
    targets = [target_lufs + distance * (level - loudest) if math.isfinite(level) else None for level in levels]
    return Album(album_lufs(songs), levels.index(loudest), target_lufs - loudest, tuple(targets))


def album_lufs(songs: Sequence[Programme]) -> float:
    """Loudness of songs one after the other: the mean of their powers, each for its length; -inf for silence."""
    heard = [song for song in songs if math.isfinite(song.integrated_lufs)]
    seconds = sum(song.seconds for song in heard)
    return float(lufs_of(sum(song.seconds * power_of(song.integrated_lufs) for song in heard) / seconds)) if heard else -math.inf
