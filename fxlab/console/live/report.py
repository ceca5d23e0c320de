"""What `fxlab live` says when it has ended: whether it held, the times of its blocks, what went wrong, the round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from fxlab.console import output
from fxlab.console.bench.histogram import WIDTH, axis, legend, place, strip
from fxlab.console.live.cells import clock, milliseconds, one_line
from fxlab.console.tables import counted, duration, figure, pairs, percent, table
from fxlab.live.report import Report
from fxlab.live.snapshot import Times
from fxlab.metrics.timing import P999_BLOCKS, log_edges

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

EVENTS = 10
"""Events that are told one by one, at most."""

_LABEL = 8  # room for the last label of the axis and its unit


def show(report: Report) -> None:
    """Everything about a stream that has ended."""
    out = output.out()
    output.say(headline(report))
    words, style = verdict(report)
    output.say(words, style)
    if any(count for _, count in report.histogram):
        out.print()
        out.print(histogram(report, out.width), end="")
    if report.times.blocks:
        out.print(_percentiles(report))
    for line in events(report):
        output.say(line)
    if report.events:
        out.print()
    out.print(pairs("", _rows(report)))
    for text in report.remarks:
        output.note(text)


def headline(report: Report) -> str:
    """What played, how long and how."""
    return one_line(
        f"{report.playing} played for {clock(report.seconds)}: {counted(report.blocks, 'block')} of {report.buffer} frames at "
        f"{figure(report.sample_rate_hz / 1000)} kHz, {counted(report.channels, 'channel')}, {report.path}."
    )


def verdict(report: Report) -> tuple[str, str]:
    """Whether it held in a sentence, and its style: what the system alone is to blame for is no more than a warning."""
    losses = sum(event.kind == "device lost" for event in report.events)
    found = [
        f"{counted(report.late_own, 'block')} late by processing" if report.late_own else "",
        counted(report.xruns, "xrun") if report.xruns else "",
        f"{counted(report.faults, 'fault')} of the processor" if report.faults else "",
        f"device lost {counted(losses, 'time')}" if losses else "",
        f"{counted(report.recorded_lost, 'frame')} missing in the recording" if report.recorded_lost else "",
    ]
    woken = f"{counted(report.late_woken, 'block')} woken late by the system" if report.late_woken else ""
    said = ", ".join(words for words in (*found, woken) if words)
    if said:
        return f"{said[0].upper()}{said[1:]}.", "red" if any(found) else "yellow"
    if not report.blocks:
        return "Nothing was played.", "yellow"
    return "No block was late, there was no xrun and no fault.", "green"


def histogram(report: Report, columns: int) -> Text:
    """The distribution of processing times with the deadline marked; heights as in `fxlab bench`.

    Args:
        report: With at least one block in its histogram, and a deadline above 0.
        columns: Width of the terminal.
    """
    from rich.text import Text

    edges = _edges(report, max(20, min(WIDTH, columns - _LABEL)))
    text = Text()
    text.append("Block times: ", style="bold")
    text.append(legend(report.deadline_s))
    strip(text, "", counts(report, edges), edges, place(report.deadline_s, edges), (report.times.p50_s, report.times.p99_s))
    axis(text, edges, 0)
    return text


def counts(report: Report, edges: np.ndarray) -> np.ndarray:
    """Blocks for each character of an axis, shape (characters,): those of a bin are shared out evenly in the logarithm."""
    bins, numbers = _bins(report)
    below = np.interp(np.log(edges), np.log(bins), np.concatenate([[0], np.cumsum(numbers)]))
    below[0], below[-1] = 0, numbers.sum()
    return np.diff(np.rint(below))


def _bins(report: Report) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the histogram's bins, all of them finite and positive, and the counts between them."""
    upper = np.array([edge for edge, _ in report.histogram], dtype=np.float64)
    numbers = np.array([count for _, count in report.histogram], dtype=np.int64)
    finite = upper[np.isfinite(upper)]
    highest = max(report.times.max_s, 2 * finite[-1] if finite.size else report.deadline_s)
    upper = np.where(np.isfinite(upper), upper, highest)
    lowest = upper[0] * (upper[0] / upper[1]) if len(upper) > 1 and upper[1] > upper[0] else upper[0] / 2
    return np.clip(np.concatenate([[lowest], upper]), 1e-9, 1e6), numbers


def _edges(report: Report, width: int) -> np.ndarray:
    """The axis: all times and the deadline are on it."""
    bins, numbers = _bins(report)
    used = np.flatnonzero(numbers)
    high = min(bins[used[-1] + 1], max(report.times.max_s, bins[used[-1]]))
    return log_edges(min(bins[used[0]], report.deadline_s), max(high, report.deadline_s) * 1.05, width)


def _percentiles(report: Report) -> RenderableType:
    columns = ("", "p50", "p99", "p99.9", "max")
    rows = [
        ("processing", *_of(report.times, duration)),
        ("of the deadline", *_of(report.times, lambda value: percent(value / report.deadline_s) if report.deadline_s else None)),
    ]
    if report.wake.blocks:
        rows.append(("woken late by", *_of(report.wake, duration)))
    return table("", columns, rows, columns[1:])


def _of(times: Times, words: Callable[[float], str | None]) -> list[str | None]:
    """Percentiles in words; none where it would rest on a handful of blocks."""
    values = (times.p50_s, times.p99_s, times.p999_s if times.blocks > P999_BLOCKS else None, times.max_s)
    return [None if value is None else words(value) for value in values]


def events(report: Report) -> Iterator[str]:
    """A line for each of the first `EVENTS` events, and one for how many more there were."""
    told = report.events[:EVENTS]
    for event in told:
        yield one_line(f"at {event.at_s:9.2f} s  {event.kind:<12}{event.text}".rstrip())
    happened = report.late_own + report.late_woken + report.xruns + report.faults
    more = max(len(report.events), happened) - len(told)
    if told and more > 0:
        yield f"and {more:,} more"


def _rows(report: Report) -> list[tuple[str, object]]:
    parts = (("in", report.device_in_s), ("out", report.device_out_s), ("buffer", report.buffer_s))
    sum_of = " + ".join(f"{name} {milliseconds(value)}" for name, value in (*parts, ("processor", report.processor_s)))
    clock = f"; {milliseconds(report.trip_s)} ms by the driver's clock" if report.trip_s else ""
    rows: list[tuple[str, object]] = [
        ("round trip", f"{milliseconds(report.round_trip_s)} ms = {sum_of}{clock}"),
        ("mean load", f"{percent(report.mean_load)} of {duration(report.deadline_s)}"),
        ("from / to", one_line(f"{report.source} → {report.sink}")),
    ]
    if report.priority:
        rows.append(("audio thread", one_line(report.priority)))
    if report.recorded is not None:
        lost = f", {counted(report.recorded_lost, 'frame')} lost" if report.recorded_lost else ", complete"
        rows.append(("recorded", one_line(f"{report.recorded}, {figure(report.recorded_s)} s{lost}")))
    return rows
