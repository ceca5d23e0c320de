"""Latency histograms in the terminal: one strip per engine over a common logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.timing import histogram, log_edges

if TYPE_CHECKING:
    from rich.text import Text

    from fxlab.services.bench.report import CellReport

WIDTH = 72
"""Columns of a strip, fewer where the terminal is narrow."""

_LABEL = 9  # room for the last label of the axis and its unit
_ROWS = 2
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_DEADLINE, _MEDIAN, _P99 = "│", "▲", "△"


def histograms(cells: Sequence[CellReport], columns: int = 100) -> Text:
    """The distributions of block times of cells with one buffer size.

    Heights grow with the square root of the share of blocks, so that the rare slow ones are seen; beyond the deadline bars
    are red.

    Args:
        cells: All of one buffer size.
        columns: Width of the terminal.
    """
    from rich.text import Text

    deadline_s = cells[0].stats.deadline_s
    low = min(float(cell.times_s.min()) for cell in cells)
    high = max(deadline_s, *(float(cell.times_s.max()) for cell in cells))
    label = max(len(f"{cell.effect}/{cell.engine}") for cell in cells) + 1
    width = max(20, min(WIDTH, columns - label - _LABEL))
    edges = log_edges(max(low, 1e-9), high * 1.05, width)
    text = Text()
    text.append(f"Block times at {cells[0].buffer} frames: ", style="bold")
    text.append(legend(deadline_s))
    limit = place(deadline_s, edges)
    for cell in cells:
        counts = histogram(cell.times_s, edges)
        strip(text, f"{cell.effect}/{cell.engine}".ljust(label), counts, edges, limit, (cell.stats.p50_s, cell.stats.p99_s))
    axis(text, edges, label)
    return text


def legend(deadline_s: float) -> str:
    """What the marks mean, a line."""
    return f"{_MEDIAN} p50  {_P99} p99  {_DEADLINE} deadline, {deadline_s * 1e6:.0f} µs\n"


def strip(text: Text, label: str, counts: np.ndarray, edges: np.ndarray, limit: int, percentiles: tuple[float, float]) -> None:
    """Adds one distribution, three lines of it, to a text.

    Args:
        text: What it is added to.
        label: Stands before the second line; the others are indented as far.
        counts: Blocks for each character, at least one of them more than 0.
        edges: Of the characters, in seconds.
        limit: The character of the deadline.
        percentiles: p50 and p99 in seconds.
    """
    heights = np.ceil(np.sqrt(counts / counts.max()) * 8 * _ROWS).astype(int)
    indent = " " * len(label)
    for row in reversed(range(_ROWS)):
        text.append(indent if row else label)
        for column, height in enumerate(heights):
            mark = _EIGHTHS[min(8, max(0, height - 8 * row))]
            if column == limit and mark == " ":
                text.append(_DEADLINE, style="red")
            else:
                text.append(mark, style="red" if column > limit else "cyan")
        text.append("\n")
    marks = [" "] * len(counts)
    marks[limit] = _DEADLINE
    marks[place(percentiles[1], edges)] = _P99
    marks[place(percentiles[0], edges)] = _MEDIAN
    text.append(indent)
    for mark in marks:
        text.append(mark, style="red" if mark == _DEADLINE else "bold")
    text.append("\n")


def axis(text: Text, edges: np.ndarray, indent: int) -> None:
    """Adds the axis of times below strips, two lines."""
    ticks, space = log_ticks(edges, 1e6), " " * indent
    text.append(f"{space}{tick_axis(edges, ticks)}\n{space}{tick_labels(edges, ticks)} µs\n", style="dim")


def place(value: float, edges: np.ndarray) -> int:
    """The character of an axis that a value falls on; the first or last for what lies beyond."""
    return int(np.clip(np.searchsorted(edges, value, side="right") - 1, 0, len(edges) - 2))


def log_ticks(edges: np.ndarray, scale: float = 1.0, vertical: bool = False) -> list[tuple[int, str]]:
    """Places of 1, 2 and 5 times every power of ten on an axis (only powers where that is too many), with their labels.

    Args:
        edges: Of the characters along the axis, growing evenly in the logarithm.
        scale: Labels show values times this.
        vertical: Along rows, of which labels take one each.
    """
    decades = range(math.floor(math.log10(edges[0])), math.ceil(math.log10(edges[-1])) + 1)
    for factors in ((1, 2, 5), (1,)):
        values = [factor * 10.0**decade for decade in decades for factor in factors]
        ticks = [(place(v, edges), f"{v * scale:g}") for v in values if edges[0] <= v <= edges[-1]]
        if all(b[0] - a[0] > (1 if vertical else len(a[1])) for a, b in zip(ticks, ticks[1:], strict=False)):
            break
    return ticks


def tick_axis(edges: np.ndarray, ticks: list[tuple[int, str]]) -> str:
    line = ["─"] * (len(edges) - 1)
    for column, _ in ticks:
        line[column] = "┴"
    return "".join(line)


def tick_labels(edges: np.ndarray, ticks: list[tuple[int, str]]) -> str:
    line = [" "] * (len(edges) - 1 + _LABEL)
    for column, label in ticks:
        line[column : column + len(label)] = label
    return "".join(line).rstrip()
