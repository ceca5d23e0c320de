"""How `fxlab grow` shows what it learnt, played and wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fxlab.console import output
from fxlab.console.tables import counted, decibels, duration, figure, pairs, table, table_of
from fxlab.services.grow.file import CEILING_DB, Rendered
from fxlab.services.grow.measures import TARGETS, Measures
from fxlab.services.grow.report import Result

if TYPE_CHECKING:
    from rich.console import RenderableType


def show_grow(result: Result) -> None:
    """The instrument, what it is worth if it was just learnt, what was played, and how it grows if that was measured."""
    out = output.out()
    if result.model is not None:
        out.print(pairs("", _instrument(result)))
    if result.training is not None and result.training.scores:
        from fxlab.services.train.instrument_tables import scores, verdict

        out.print(table_of(scores(result.training.scores, result.training.overall)))
        out.print(verdict(result.training.overall))
    if len(result.takes) > 1:
        columns = ("file", "seed", "length", "peak", "× real time")
        rows = [(one.take.output, one.take.seed, duration(one.seconds), _peak(one), figure(one.speed)) for one in result.takes]
        out.print(table("", columns, rows, numbers=columns[1:]))
    for one in result.takes if len(result.takes) == 1 else ():
        out.print(str(one.take.output), style="bold", markup=False, soft_wrap=True)
        out.print(pairs("", _take(one, result)))
    if result.report is not None:
        out.print(_measures(result.report))
    for text in result.remarks:
        output.note(text)
    for what, path in result.files.items():
        output.note(f"{what.upper() if what == 'sfz' else what.capitalize()}: {path}")
    for text in result.warnings:
        output.warn(text)


def _instrument(result: Result) -> Iterator[tuple[str, str]]:
    about = result.about
    yield "instrument", result.instrument
    yield "network", f"{about['model']}, {about['parameters_count']:,} parameters"
    for name in ("attribution", "licence"):
        if about[name]:
            yield name, about[name]


def _take(one: Rendered, result: Result) -> Iterator[tuple[str, str]]:
    shape = "stereo" if one.channels == 2 else "mono"
    yield "played", f"{result.performance}: {duration(one.seconds)}, {one.rate_hz / 1000:g} kHz, {shape}"
    if result.automaton:
        into = f" into {result.into}" if result.into else ""
        yield "grew", f"by the {result.automaton} automaton{into}, {counted(result.steps, 'step')}, seed {one.take.seed}"
    yield "peak", _peak(one)
    yield "speed", f"{figure(one.speed)} × real time"
    if one.take.stems:
        yield "stems", ", ".join(str(path) for path in one.take.stems)


def _measures(found: Measures) -> RenderableType:
    """Every measure that has a target, with a mark at those that are missed."""
    from rich.text import Text

    names = list(found.automatons)
    rows = []
    for target in TARGETS:
        cells = [target.name]
        for name in names:
            text, met = found.told(target, name), found.met(target, name)
            cells.append(Text(text if met else f"{text} ✗", "" if met else "bold red"))
        rows.append((*cells, target.text))
    title = f"Growth in {counted(found.steps, 'step')}, {counted(found.seeds, 'seed')} under each condition"
    return table(title, ("measure", *names, "target"), rows, numbers=names)


def _peak(one: Rendered) -> str:
    if not math.isfinite(one.peak_db):
        return "silence"
    return f"{decibels(one.peak_db)}, turned down to {CEILING_DB:g} dB" if one.gain_db < 0 else decibels(one.peak_db)
