"""What the suite "training" found as a table and sentences, and its page."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from fxlab.pages.parts import Curves, Line, Page, Part, Table
from fxlab.services.bench.page import facts, in_words
from fxlab.services.bench.tables import interval
from fxlab.services.bench.training import TrainingResult
from fxlab.services.pages import table
from fxlab.wording import counted, duration, figure, percent


def trainers(result: TrainingResult) -> Table:
    """A row for each trainer."""
    setup = result.setup
    columns = ("trainer", "steps", "trained for", "step", "95 % interval (ms)", "steps/s", "best validation ESR", "after")
    rows = [
        (
            f"{one.name} {one.version}",
            one.steps,
            duration(one.seconds),
            duration(one.step_s.median),
            interval(one.step_s.low * 1e3, one.step_s.high * 1e3, 3),
            figure(1 / one.step_s.median),
            percent(one.best_esr),
            duration(one.reached(one.best_esr) or 0.0),
        )
        for one in result.trainers
    ]
    title = f"{setup['network']} TCN, {setup['batch']} x {setup['segment']} samples a step, {counted(setup['threads'], 'thread')}"
    return table(title, columns, rows)


def sentences(result: TrainingResult) -> list[str]:
    """fxlab against the other trainer."""
    found = result.comparison
    if found is None:
        return [result.missing] if result.missing else []
    other = result.trainers[1].name
    said = [f"fxlab takes {figure(found['steps_per_second_ratio'])} times as many steps per second as {other}."]
    if found["time_ratio"]:
        lasting = "and is judged worse again later"
        if found["lasting_time_ratio"]:
            times = f"{duration(found['lasting_seconds'])}, {figure(found['lasting_time_ratio'])} of the time"
            lasting = f"and no worse one any more after {times}"
        said.append(
            f"Where {other} is at its best (ESR {percent(found['target_esr'])} after {duration(found['their_seconds'])}), it has "
            f"a network as good after {duration(found['seconds'])}, {figure(found['time_ratio'])} of the time, {lasting}."
        )
    else:
        said.append(f"It doesn't become as good as {other} (ESR {percent(found['target_esr'])}) in this time.")
    return said


def page_of(result: TrainingResult, command: str = "") -> Page:
    """The page of a result; `command` is what was typed."""
    setup = result.setup
    more = ("data", str(setup["data"])), ("seed", str(setup["seed"])), ("took", duration(setup["total_s"]))
    summary = f"A {setup['network']} TCN trained for {duration(setup['budget_s'])} by each trainer, in turns."
    return Page("Bench: training", summary, command, facts(result.machine, *more), tuple(_parts(result)))


def _parts(result: TrainingResult) -> Iterator[Part]:
    yield trainers(result)
    if said := sentences(result):
        yield in_words(said)
    lines = []
    for one in result.trainers:
        seconds, errors = (np.array([point[i] for point in one.curve], np.float64) for i in (0, 2))
        with np.errstate(divide="ignore"):
            decibels = 10 * np.log10(errors)
        lines.append(Line(f"{one.name} {one.version}", seconds, np.where(np.isfinite(decibels), decibels, math.nan)))
    yield Curves(
        "Validation error", "s of its own training", "ESR, dB", lines, note="-20 dB are 1 %, -30 dB 0.1 %. Less is better."
    )
