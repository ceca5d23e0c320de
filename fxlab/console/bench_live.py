"""How `fxlab bench --suite live` looks: whether it holds, what blocks take, how late they are, and the soak's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fxlab.console import output
from fxlab.console.live_cells import one_line
from fxlab.console.tables import counted, duration, figure, pairs, percent, size, table
from fxlab.live.snapshot import Times
from fxlab.services.bench_live_report import TARGET, Cell, Result, Soak, Verdict, reliable

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
        words, style = sentence(verdict)
        out.print(words, style=style, markup=False, soft_wrap=True)
    if result.soak:
        out.print()
        out.print(soak_rows(result.soak))
    for outcome in result.gates:
        words = f"{'held' if outcome.passed else 'failed'}: {outcome.gate}"
        out.print(one_line(words), style="green" if outcome.passed else "red", markup=False, soft_wrap=True)
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


def sentence(verdict: Verdict) -> tuple[str, str]:
    """What a verdict says, and its style."""
    name = f"{verdict.effect} ({verdict.engine}) at {verdict.buffer}, compiled callback, all loads"
    late = f"{counted(verdict.blocks, 'block')}, {verdict.late_own or 'none'} late by the processor"
    share = f"p{figure(verdict.percent)} of its CPU time {percent(verdict.share, 2)} of the deadline"
    return one_line(f"{name}: {late}; {share} (target: below {percent(TARGET)})."), "green" if verdict.holds else "red"


def soak_rows(soak: Soak) -> RenderableType:
    """The soak as names and values, its memory as a line of bars."""
    late = f"{soak.late_own} by the processor, {soak.late_woken} by the system; {counted(soak.xruns, 'slip')}"
    rows: list[tuple[str, object]] = [
        ("soak", one_line(f"{soak.playing}, {soak.path}, {soak.priority}")),
        ("played", f"{duration(soak.seconds)}, {counted(soak.blocks, 'block')}, {counted(soak.changes, 'change')}"),
        ("late blocks", f"{late}, {counted(soak.faults, 'fault')}"),
        ("programs", f"{soak.programs:,} played one after another, {soak.programs_kept:,} in memory at the end"),
    ]
    if soak.growth_bytes is not None and soak.slope_bytes is not None:
        values = [count for _, count in soak.memory]
        grew = f"{_signed(soak.growth_bytes)} after the first {duration(soak.settle_s)}, {_signed(soak.slope_bytes)} a minute"
        rows += [
            ("memory", f"{grew}; {size(min(values))} .. {size(max(values))}"),
            ("over time", sparks(values, _SPARKS)),
        ]
    return pairs("", rows)


def sparks(values: Sequence[float], columns: int) -> str:
    """A line of bars from the smallest value to the largest: the means of as many stretches as there are columns."""
    stretches = np.array_split(np.asarray(values, dtype=np.float64), min(columns, len(values)))
    means = np.array([stretch.mean() for stretch in stretches])
    low, high = means.min(), means.max()
    heights = (means - low) / (high - low) * (len(_EIGHTHS) - 1) if high > low else np.zeros(len(means))
    return "".join(_EIGHTHS[round(height)] for height in heights)


def notes(result: Result) -> Iterator[str]:
    """What was measured on, and what the reader should know."""
    setup, machine = result.setup, result.machine
    runs = f"{counted(setup['runs'], 'run')} of {duration(setup['run_s'])} for each line, taking turns, on the virtual device"
    yield f"{runs}; {setup['audio']}; {machine.cpu}, {counted(machine.cores, 'core')}, {machine.system}."
    yield f"Busy cores: {setup['busy_processes']} processes that never rest; busy Python: a thread beside the audio."
    priorities = dict.fromkeys(cell.priority for cell in result.cells if cell.priority)
    if priorities:
        yield f"The audio thread ran at {', '.join(priorities)}."
    stolen = [cell for cell in result.cells if cell.stolen_s]
    if stolen:
        share = sum(cell.stolen_s or 0.0 for cell in stolen) / (machine.cores * sum(cell.seconds for cell in result.cells))
        most = max(stolen, key=lambda cell: cell.stolen_s or 0.0)
        where = f"most of it from {most.effect}, {most.path}, {most.load}"
        yield f"This is a virtual machine, whose host took {percent(share, 2)} of the cores' time, {where}."
        yield "Its clocks count some of that as CPU time: a single block late by itself can be the host's doing too."
    yield from result.notes


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


def _signed(count: float) -> str:
    return f"{'+' if count >= 0 else '-'}{size(abs(count))}"
