"""What `fxlab bench --suite master` found: every song's figures, their means, and who is nearer to the released masters."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.errors import FxlabError
from fxlab.metrics.mastering import COLUMNS
from fxlab.metrics.paired import Difference, paired
from fxlab.services.bench.heard import Heard
from fxlab.services.bench.master_rivals import FXLAB
from fxlab.services.machine import Machine

MOVED_DB = 0.5
"""A master that fxlab gets untouched should come out, at equal loudness, with no third octave further off than this."""
LEFT_ALONE = 0.95
"""In so many of all songs."""


@dataclass(frozen=True)
class Run:
    """One degradation of a song.

    Attributes:
        degradation: What was done to it (`fxlab.mastering.degradation.Degradation`).
        scores: By rival and column; a rival that refused the song is missing.
        refusals: Why, by rival.
    """

    degradation: dict[str, Any]
    scores: dict[str, dict[str, float]]
    refusals: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SongReport:
    """All that was found on one song.

    Attributes:
        seconds: Length of the part that was used.
        runs: Its degradations.
        moved_db, moved_hz: By how much the third octave that fxlab moved most went, of the untouched song, and which that was.
    """

    name: str
    sha256: str
    sample_rate_hz: int
    channels: int
    seconds: float
    runs: list[Run]
    moved_db: float
    moved_hz: float

    def score(self, rival: str, column: str) -> float | None:
        """Mean over the runs; None where the rival refused one."""
        found = [run.scores[rival][column] for run in self.runs if rival in run.scores]
        return float(np.mean(found)) if len(found) == len(self.runs) else None


@dataclass(frozen=True)
class LeftOut:
    """A file that isn't judged on, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Speed:
    """How fast a song was mastered, file to file, in a process of its own.

    Attributes:
        seconds: Median of the runs after the first, which compiles.
        all_s: Every one of them.
        audio_s: Length of the song.
        peak_bytes: The most memory that the process held, libraries included; 0 where the system doesn't tell.
    """

    name: str
    seconds: float
    all_s: list[float]
    audio_s: float
    peak_bytes: int

    @property
    def rtf(self) -> float:
        """Time by length: under 1 is faster than the song plays."""
        return self.seconds / self.audio_s


@dataclass(frozen=True)
class Result:
    """Everything.

    Attributes:
        model: The network that advised, None for the one that ships.
        rivals: In the order of tables, fxlab the last.
        elapsed_s: How long the comparison took, without the measurement of speed.
        heard: Songs with all that rivals made of them; empty unless a page is wanted.
        html, html_error: The page that was written, or why there is none though one was asked for.
    """

    machine: Machine
    model: Path | None
    rivals: list[str]
    seed: int
    songs: list[SongReport]
    left_out: list[LeftOut]
    speeds: list[Speed]
    elapsed_s: float
    heard: Sequence[Heard] = ()
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def left_alone(self) -> float:
        """Share of the untouched songs of which no third octave moved by more than `MOVED_DB`."""
        return sum(song.moved_db <= MOVED_DB for song in self.songs) / len(self.songs)

    @property
    def most_moved(self) -> SongReport:
        return max(self.songs, key=lambda song: song.moved_db)

    def mean(self, rival: str, column: str) -> float | None:
        """Over all songs that the rival didn't refuse; None if it refused all."""
        found = [score for song in self.songs if (score := song.score(rival, column)) is not None]
        return float(np.mean(found)) if found else None

    def difference(self, rival: str, column: str) -> Difference | None:
        """fxlab minus a rival, song by song; None where they have none in common."""
        pairs = [(song.score(FXLAB, column), song.score(rival, column)) for song in self.songs]
        both = [pair for pair in pairs if None not in pair]
        return paired(*zip(*both, strict=True), seed=self.seed) if both else None

    def refused(self, rival: str) -> list[str]:
        """Songs that a rival refused."""
        return [song.name for song in self.songs if any(rival in run.refusals for run in song.runs)]

    def to_json(self) -> dict[str, Any]:
        others = [rival for rival in self.rivals if rival != FXLAB]
        return {
            "suite": "master",
            "machine": self.machine.to_json(),
            "model": self.model and str(self.model),
            "seed": self.seed,
            "columns": COLUMNS,
            "means": {rival: {column: self.mean(rival, column) for column in COLUMNS} for rival in self.rivals},
            "fxlab_minus": {rival: {column: self._compared(rival, column) for column in COLUMNS} for rival in others},
            "untouched": {
                "limit_db": MOVED_DB,
                "share_within": self.left_alone,
                "wanted_share": LEFT_ALONE,
                "most_moved_db": self.most_moved.moved_db,
                "most_moved": self.most_moved.name,
            },
            "songs": [asdict(song) for song in self.songs],
            "left_out": [asdict(one) for one in self.left_out],
            "speed": [asdict(speed) | {"rtf": speed.rtf} for speed in self.speeds],
            "elapsed_s": self.elapsed_s,
            "html": self.html and str(self.html),
        }

    def _compared(self, rival: str, column: str) -> dict[str, Any] | None:
        difference = self.difference(rival, column)
        return difference and asdict(difference) | {"verdict": difference.verdict}


def write_csv(songs: Sequence[SongReport], path: Path) -> None:
    """A row for each song, run and rival."""
    rows = [
        {"song": song.name, "sha256": song.sha256, "run": number, "rival": rival, **scores}
        for song in songs
        for number, run in enumerate(song.runs)
        for rival, scores in run.scores.items()
    ]
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
