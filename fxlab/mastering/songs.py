"""Songs to learn from: which they are by content, what style they have, and to which split they belong."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from fxlab.hashing import file_sha256
from fxlab.training.splitting import assign

SPLITS = ("train", "validation", "test")
UNKNOWN_STYLE = "unknown"


@dataclass(frozen=True)
class Song:
    """A file that is a song.

    Attributes:
        style: A coarse label, "unknown" for songs that the list doesn't have.
        split: "train", "validation" or "test"; whole songs are split, never their parts.
    """

    path: Path
    sha256: str
    name: str
    style: str
    split: str

    def to_json(self) -> dict[str, str]:
        return {"sha256": self.sha256, "name": self.name, "style": self.style, "split": self.split}


def songs_of(paths: Sequence[Path], validation: float, test: float, seed: int) -> list[Song]:
    """The songs of files; each content once.

    Those of the list that comes with fxlab (`assets/master-songs.csv`) keep the split that it gives them, so that what the
    shipped model has never heard stays unheard; others are split by their content. Where that leaves none to validate with, it
    is taken from those to train on.

    Args:
        paths: The files.
        validation, test: Shares of the others for these splits.
        seed: Another seed splits the others differently.
    """
    listed = _listed()
    hashes = {file_sha256(path): path for path in paths}
    others = assign([content for content in hashes if content not in listed], validation, test, seed)
    found = []
    for content, path in hashes.items():
        style, split = listed.get(content, (UNKNOWN_STYLE, others.get(content, "train")))
        found.append(Song(path, content, path.stem, style, split))
    splits = [song.split for song in found]
    if "validation" not in splits and splits.count("train") > 1:
        taken = min((song for song in found if song.split == "train"), key=lambda song: song.sha256)
        found[found.index(taken)] = dataclasses.replace(taken, split="validation")
    return found


def _listed() -> dict[str, tuple[str, str]]:
    text = (files("fxlab") / "assets" / "master-songs.csv").read_text(encoding="utf-8")
    return {row["sha256"]: (row["style"], row["split"]) for row in csv.DictReader(text.splitlines())}
