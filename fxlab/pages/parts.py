"""What a page is made of, as plain values: services fill them in, `page.py` turns them into HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Table:
    """Rows of text.

    Args:
        title: Its heading.
        columns: Names, with their units.
        rows: One text per column each. Columns whose texts are all numbers are set right and can be sorted by.
        note: What a reader must know to read it; shown below.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One curve: `x` and `y` of shape (points,), finite; NaN in `y` leaves a gap."""

    name: str
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Curves:
    """Curves over one axis, each of which can be hidden; the pointer (or a finger, or arrow keys) reads values off.

    Args:
        x_label, y_label: With units, such as "Hz" or "LUFS".
        lines: Longer ones are thinned to what a screen shows, keeping each column's extremes.
        x_log: Logarithmic x; its values are above 0 then.
        y_range: Least and greatest y drawn; None fits the lines.
    """

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    x_log: bool = False
    y_range: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True)
class Distribution:
    """How long blocks took, in logarithmic bins.

    Args:
        edges_s: Shape (bins + 1,), seconds, rising.
        counts: Shape (bins,).
        marks: Named moments on the axis, such as ("p99", 0.0012) or ("deadline", 0.0029).
    """

    name: str
    edges_s: np.ndarray
    counts: np.ndarray
    marks: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Histograms:
    """Distributions to choose from and to lay over each other; the pointer reads bins off, and the share above each."""

    title: str
    distributions: Sequence[Distribution]
    note: str = ""
    x_label: str = "time of a block"


@dataclass(frozen=True)
class Picture:
    """A picture that is there already; `data` is PNG or SVG, `alt` says in words what it shows."""

    title: str
    data: bytes
    alt: str
    note: str = ""


@dataclass(frozen=True)
class Version:
    """One sound of several that are compared: float32 (channels, frames), 1 or 2 channels, finite."""

    name: str
    audio: np.ndarray


@dataclass(frozen=True)
class Listening:
    """Versions of the same sound, switched at once while they play, matched in loudness, and a blind A/B/X test of any two.

    Args:
        versions: Two or more of the same length and rate, in step to the sample.
        sample_rate_hz: Theirs.
        note: What is heard, and from where in the file.
    """

    title: str
    versions: Sequence[Version]
    sample_rate_hz: int
    note: str = ""


Part = Table | Curves | Histograms | Picture | Listening


@dataclass(frozen=True)
class Page:
    """One page.

    Args:
        title: Its heading and the tab's.
        summary: A sentence or two: what was done with what, and what came out.
        command: The command that made it, as it can be copied; "" leaves it out.
        facts: Names and values to show at the top, such as ("machine", "...").
        parts: In the order in which they are read.
    """

    title: str
    summary: str
    command: str = ""
    facts: Sequence[tuple[str, str]] = ()
    parts: Sequence[Part] = field(default_factory=tuple)
