"""What the suite "grow" found as tables, and its page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fxlab.pages.parts import Curves, Line, Page, Part, Table
from fxlab.services.bench.grow import Result
from fxlab.services.bench.heard import players
from fxlab.services.bench.page import facts
from fxlab.services.pages import table
from fxlab.wording import counted, duration, figure


def trainers(result: Result) -> Table:
    """A row for each way to learn."""
    columns = ("way to learn", "a step", "steps", "best loss", "after", "fxlab after", "fxlab is")
    rows = []
    for one in result.trainers:
        reached, own, ratio = one.reached(one.best), result.ours.reached(one.best), result.ratio(one)
        step = f"{1000 * one.seconds / max(1, one.steps):.0f} ms"
        times = [None if seconds is None else duration(seconds) for seconds in (reached, own)]
        faster = None if ratio is None or one is result.ours else f"{figure(ratio)} x as fast"
        rows.append((one.name, step, f"{one.steps:,}", f"{one.best:.2f}", *times, faster))
    setup = result.setup
    title = f"Loss on {setup['kept_back_s']:.1f} s kept back of {counted(len(setup['recordings']), 'recording')}"
    return table(f"{title}, {duration(setup['budget_s'])} of training each", columns, rows)


def synthesizer(result: Result) -> Table:
    """How fast and exact the synthesizer is."""
    rows = [(f"{one.rate_hz:,} Hz", f"{figure(one.real_time)} x real time", f"{one.error_db:.0f} dB") for one in result.speeds]
    title = "The synthesizer, 64 harmonics and 64 noise bands, one thread"
    return table(title, ("output", "speed", "error of the harmonics"), rows)


def page_of(result: Result, command: str = "") -> Page:
    """The page of a result; `command` is what was typed."""
    setup = result.setup
    about = facts(
        result.machine,
        ("threads", str(setup["threads"])),
        ("seed", str(setup["seed"])),
        ("took", f"{duration(setup['total_s'])}{', interrupted' if result.interrupted else ''}"),
    )
    summary = f"An instrument learnt for {duration(setup['budget_s'])} in each of {len(result.trainers)} ways, in turns."
    return Page("Bench: learning an instrument", summary, command, about, tuple(_parts(result)))


def _parts(result: Result) -> Iterator[Part]:
    yield from players(result.heard, "Resynthesised as it was learnt in the end, from pitch, loudness and timbre.")
    yield trainers(result)
    judged = [one for one in result.trainers if one.curve]
    lines = [Line(one.name, *(np.array([point[i] for point in one.curve], np.float64) for i in (0, 2))) for one in judged]
    if lines:
        best = min(one.best for one in judged)
        top = (best - 0.3, 2 * max(judged[0].best, best))
        note = "Spectral loss on what was kept back; less is better, sooner is better."
        yield Curves("Loss", "s of its own training", "loss", lines, x_log=True, y_range=top, note=note)
    yield synthesizer(result)
