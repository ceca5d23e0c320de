"""Latency histograms in the terminal: one strip per engine over a common logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.metrics.timing import histogram, log_edges
from fxlab.services.bench_report import CellReport

if TYPE_CHECKING:
    from rich.text import Text

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
    text.append(f"{_MEDIAN} p50  {_P99} p99  {_DEADLINE} deadline, {deadline_s * 1e6:.0f} µs\n")
    limit = place(deadline_s, edges)
    for cell in cells:
        _strip(text, cell, edges, limit, label)
    ticks = log_ticks(edges, 1e6)
    text.append(" " * label + tick_axis(edges, ticks) + "\n" + " " * label + tick_labels(edges, ticks) + " µs\n", style="dim")
    return text


def _strip(text: Text, cell: CellReport, edges: np.ndarray, limit: int, label: int) -> None:
    counts = histogram(cell.times_s, edges)
    heights = np.ceil(np.sqrt(counts / counts.max()) * 8 * _ROWS).astype(int)
    for row in reversed(range(_ROWS)):
        text.append((f"{cell.effect}/{cell.engine}" if row == 0 else "").ljust(label))
        for column, height in enumerate(heights):
            mark = _EIGHTHS[min(8, max(0, height - 8 * row))]
            if column == limit and mark == " ":
                text.append(_DEADLINE, style="red")
            else:
                text.append(mark, style="red" if column > limit else "cyan")
        text.append("\n")
    marks = [" "] * len(counts)
    marks[limit] = _DEADLINE
    marks[place(cell.stats.p99_s, edges)] = _P99
    marks[place(cell.stats.p50_s, edges)] = _MEDIAN
    text.append(" " * label)
    for mark in marks:
        text.append(mark, style="red" if mark == _DEADLINE else "bold")
    text.append("\n")


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
