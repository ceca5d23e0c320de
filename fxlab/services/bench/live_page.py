"""The page of `fxlab bench --suite live --html`: how long blocks took and how late they were begun, and the soak's memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from fxlab.metrics.latency import coarse
from fxlab.pages.parts import Curves, Distribution, Histograms, Line, Page, Part, Table
from fxlab.services.bench.live_report import Cell, Result, Soak, reliable
from fxlab.services.bench.live_sentences import notes, sentence, soak_facts
from fxlab.services.bench.page import facts, in_words
from fxlab.services.bench.tables import gates
from fxlab.services.pages import table
from fxlab.wording import duration, percent

KINDS = {"work": "CPU time of blocks", "wall": "Time of blocks", "wake": "How late blocks were begun"}
"""What is counted of every block, and its heading."""

_BINS_AN_OCTAVE = 8


def page_of(result: Result, command: str = "") -> Page:
    """The page of a result; `command` is what was typed."""
    setup = result.setup
    effects = ", ".join(dict.fromkeys(cell.effect for cell in result.cells))
    summary = f"{effects} played live, with and without the interpreter, on an idle machine and on a busy one."
    about = facts(result.machine, ("audio", setup["audio"]), ("took", duration(setup["total_s"])))
    return Page("Bench: live audio on a busy machine", summary, command, about, tuple(_parts(result)))


def _parts(result: Result) -> Iterator[Part]:
    yield in_words([*map(sentence, result.verdicts), *notes(result)])
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for cell in result.cells:
        groups.setdefault((cell.effect, cell.engine, cell.buffer), []).append(cell)
    for (effect, engine, buffer), cells in groups.items():
        name = f"{effect} ({engine}), {buffer} frames"
        yield _work(name, cells)
        yield _lateness(name, cells)
        played = [cell for cell in cells if cell.blocks]
        for kind, title in KINDS.items():
            if played:
                label = "late by" if kind == "wake" else "time of a block"
                yield Histograms(f"{title}: {name}", _distributions(played, kind), x_label=label)
    if result.soak:
        yield from _soak(result.soak)
    if made := gates(result.gates):
        yield made


def _work(name: str, cells: Sequence[Cell]) -> Table:
    columns = ("path", "load", "p50, µs", "p99, µs", "p99.9, µs", "max, µs", "p99 of deadline", "late by itself")
    rows = []
    for cell in cells:
        times = cell.work.times
        found = [None if value is None else 1e6 * value for value in (times.p50_s, times.p99_s, reliable(times), times.max_s)]
        figures = [*found, percent(times.p99_s / cell.deadline_s, 2), cell.late_own] if cell.blocks else [None] * 6
        rows.append((cell.path, cell.load, *figures))
    note = f"CPU times, for which the processor is answerable. A block lasts {duration(cells[0].deadline_s)}: the deadline."
    return table(name, columns, rows, note)


def _lateness(name: str, cells: Sequence[Cell]) -> Table:
    columns = ("path", "load", "whole p99, µs", "whole max, µs", "woken p99, µs", "woken max, µs", "late /min", "slips /min")
    rows = []
    for cell in cells:
        found = [1e6 * value for times in (cell.wall.times, cell.wake.times) for value in (times.p99_s, times.max_s)]
        rates = [cell.per_minute(count) for count in (cell.late_woken, cell.slips)]
        rows.append((cell.path, cell.load, *([*found, *rates] if cell.blocks else [None] * 6)))
    note = "What the system and the interpreter add: the time until a block is done, and how late it was begun."
    return table(f"Lateness: {name}", columns, rows, note)


def _distributions(cells: Sequence[Cell], kind: str) -> list[Distribution]:
    """One for each cell, over the same bins: those from the first to the last that any cell has used."""
    counts = [getattr(cell, kind) for cell in cells]
    bins = coarse(np.sum([each.bins for each in counts], axis=0), _BINS_AN_OCTAVE)
    edges = np.array([bins[0][0], *(end for _, end, _ in bins)])
    places = {start: place for place, (start, _, _) in enumerate(bins)}
    # The first bin begins at 0, which has no place on a logarithmic axis.
    edges[0] = max(edges[0], 0.5 * edges[1])
    made = []
    for cell, each in zip(cells, counts, strict=True):
        held = np.zeros(len(bins), np.int64)
        for start, _, count in coarse(each.bins, _BINS_AN_OCTAVE):
            held[places[start]] = count
        marks = [("p50", each.times.p50_s), ("p99", each.times.p99_s), ("deadline", cell.deadline_s)]
        made.append(Distribution(f"{cell.path}, {cell.load}", edges, held, [mark for mark in marks if mark[1] > 0]))
    return made


def _soak(soak: Soak) -> Iterator[Part]:
    yield Table("Soak", ("what", "found"), list(soak_facts(soak)))
    if len(soak.memory) > 1:
        seconds, values = np.array(soak.memory, np.float64).T
        yield Curves("Memory of the soak", "s", "MiB", [Line("resident memory", seconds, values / 2**20)])
