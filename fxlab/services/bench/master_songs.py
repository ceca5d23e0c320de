"""Which songs `fxlab bench --suite master` judges on, and the part of each that it uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.files import Reader, probe
from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.sources import expand
from fxlab.errors import InputError
from fxlab.hashing import file_sha256
from fxlab.progress import Progress
from fxlab.services.bench.master_report import LeftOut

EXCERPT_S = 20.0
"""The middle of a song, so long, stands for it."""

_SHORTEST_S = 3.0
_HEARD = ("train", "validation")


@dataclass(frozen=True)
class Song:
    """A file to judge on."""

    path: Path
    sha256: str
    sample_rate_hz: int
    channels: int


def chosen(inputs: Sequence[Path], known: Mapping[str, str], progress: Progress) -> tuple[list[Song], list[LeftOut]]:
    """The songs to judge on, in the order of their contents' hashes, and the files that are none.

    Args:
        inputs: Files, folders and patterns.
        known: Split of every song that the network knows, by the SHA-256 of its file.
        progress: Told of the files.

    Raises:
        InputError: A file that can't be read, or no song is left.
    """
    paths = expand(inputs)
    songs: dict[str, Song] = {}
    left_out: list[LeftOut] = []
    for number, path in enumerate(paths):
        progress("Choosing songs", number, len(paths), file=path.name)
        info, content = probe(path), file_sha256(path)
        if content in songs:
            left_out.append(LeftOut(path.name, f"the same as {songs[content].path.name}"))
        elif known.get(content) in _HEARD:
            left_out.append(LeftOut(path.name, f"the network knows it from its {known[content]} split"))
        elif info.channels > 2:
            left_out.append(LeftOut(path.name, f"{info.channels} channels"))
        elif info.seconds < _SHORTEST_S:
            left_out.append(LeftOut(path.name, f"shorter than {_SHORTEST_S:g} s"))
        elif not np.isfinite(integrated_lufs(excerpt(path), info.sample_rate_hz)):
            left_out.append(LeftOut(path.name, "silent in the middle"))
        else:
            songs[content] = Song(path, content, info.sample_rate_hz, info.channels)
    progress("Choosing songs", len(paths), len(paths))
    if not songs:
        reasons = sorted({one.reason for one in left_out})
        raise InputError(
            f"No song is left to judge on: {'; '.join(reasons[:3])}.",
            "Name songs that the network wasn't trained on with --input.",
        )
    return [songs[content] for content in sorted(songs)], left_out


def excerpt(path: Path, seconds: float = EXCERPT_S) -> np.ndarray:
    """The middle of a song, float32 (channels, frames); all of it where it is shorter."""
    with Reader(path) as reader:
        wanted = min(reader.info.frames, round(seconds * reader.info.sample_rate_hz))
        start = (reader.info.frames - wanted) // 2
        pieces, at = [], 0
        for block in reader.blocks():
            pieces.append(block[:, max(0, start - at) : max(0, start + wanted - at)])
            at += block.shape[1]
            if at >= start + wanted:
                break
        return np.concatenate(pieces, axis=1)
