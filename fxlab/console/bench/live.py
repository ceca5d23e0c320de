"""How `fxlab bench --suite live` looks: whether it holds, what blocks take, how late they are, and the soak's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.console import output
from fxlab.console.live.cells import one_line
from fxlab.console.tables import duration, figure, pairs, percent, table
from fxlab.live.snapshot import Times
from fxlab.services.bench.live_report import Cell, Result, Soak, reliable
from fxlab.services.bench.live_sentences import notes, sentence, soak_facts

if TYPE_CHECKING:
    from rich.console import RenderableType

_EIGHTHS = "▁▂▃▄▅▆▇█"
_SPARKS = 48


def show(result: Result) -> None:
    """Tables for every effect and buffer, then the verdicts, the soak, gates and how it was measured."""
    out = output.out()
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in result.cells:
        groups.setdefault((cell.effect, cell.engine, cell.buffer), []).append(cell)
    for (effect, engine, buffer), cells in groups.items():
        deadline = duration(cells[0].deadline_s)
        out.print(one_line(f"{effect} ({engine}) in blocks of {buffer} frames, {deadline}"), style="bold", markup=False)
        out.print(work_table(cells))
        out.print(lateness_table(cells))
    for verdict in result.verdicts:
        output.say(one_line(sentence(verdict)), "green" if verdict.holds else "red")
    if result.soak:
        out.print()
        out.print(soak_rows(result.soak))
    for outcome in result.gates:
        words = f"{'held' if outcome.passed else 'failed'}: {outcome.gate}"
        output.say(one_line(words), "green" if outcome.passed else "red")
    for line in notes(result):
        output.note(line)


def work_table(cells: Sequence[Cell]) -> RenderableType:
    """CPU times: what the processor is answerable for."""
    columns = ("CPU time of a block", "p50", "p99", "p99.9", "max", "late by itself")
    if all(reliable(cell.work.times) is None for cell in cells):
        columns = tuple(name for name in columns if name != "p99.9")
    rows = []
    for cell in cells:
        times = cell.work.times
        found = {"p50": times.p50_s, "p99": times.p99_s, "p99.9": reliable(times), "max": times.max_s}
        shown = [_with_share(value, cell) for name, value in found.items() if name in columns]
        rows.append((_name(cell), *shown, f"{cell.late_own:,}"))
    return table("", columns, rows, columns[1:])


def lateness_table(cells: Sequence[Cell]) -> RenderableType:
    """What the system and the interpreter add: the time until a block is done, and how late it was begun."""
    columns = ("whole block", "p99", "max", "woken p50", "p99", "max", "late /min", "slips /min")
    rows = []
    for cell in cells:
        wall, wake = cell.wall.times, cell.wake.times
        found = (wall.p99_s, wall.max_s, wake.p50_s, wake.p99_s, wake.max_s)
        late = [_rate(cell, count) for count in (cell.late_woken, cell.slips)]
        rows.append((_name(cell), *(_duration(value, wall) for value in found), *late))
    return table("", columns, rows, columns[1:])


def soak_rows(soak: Soak) -> RenderableType:
    """The soak as names and values, its memory as a line of bars."""
    rows: list[tuple[str, object]] = [(name, one_line(text)) for name, text in soak_facts(soak)]
    if soak.growth_bytes is not None:
        rows.append(("over time", sparks([count for _, count in soak.memory], _SPARKS)))
    return pairs("", rows)


def sparks(values: Sequence[float], columns: int) -> str:
    """A line of bars from the smallest value to the largest: the means of as many stretches as there are columns."""
    stretches = np.array_split(np.asarray(values, dtype=np.float64), min(columns, len(values)))
    means = np.array([stretch.mean() for stretch in stretches])
    low, high = means.min(), means.max()
    heights = (means - low) / (high - low) * (len(_EIGHTHS) - 1) if high > low else np.zeros(len(means))
    return "".join(_EIGHTHS[round(height)] for height in heights)


def _name(cell: Cell) -> str:
    return f"{cell.path}, {cell.load}"


def _with_share(value: float | None, cell: Cell) -> str | None:
    """A time, and below it what share of the deadline that is."""
    return None if value is None or not cell.blocks else f"{duration(value)}\n{percent(value / cell.deadline_s, 2)}"


def _duration(value: float | None, times: Times) -> str | None:
    return None if value is None or not times.blocks else duration(value)


def _rate(cell: Cell, count: int) -> str | None:
    rate = cell.per_minute(count)
    return None if rate is None else figure(rate, 2) if rate < 100 else f"{rate:,.0f}"
