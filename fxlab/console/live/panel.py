"""The panel of `fxlab live`: one look at a running stream, drawn from plain values.

It is laid out by hand rather than with Rich's tables: a frame is then a few hundred pieces of text, made within a fraction of a
millisecond, during which the interpreter is kept from a Python callback that plays.
"""

from __future__ import annotations

from fxlab.console.live.bars import BAR_STYLES, bar, meters, slider
from fxlab.console.live.cells import (
    DIM,
    Frame,
    Piece,
    Row,
    cells,
    clock,
    cut,
    left,
    milliseconds,
    number,
    one_line,
    right,
    spread,
    timespan,
)
from fxlab.console.live.keys import SHORT_HELP
from fxlab.live.snapshot import Knob, Snapshot, Times

KNOB_ROWS = 8
"""Rows of knobs at most; where there are more, those around the selected one are shown."""

_LABEL = 9
_LEAST_KNOB_ROWS = 3


def panel(snapshot: Snapshot, width: int, height: int | None = None) -> Frame:
    """A frame around all that is known of a stream at one moment.

    The number of lines depends on `width`, `height`, the numbers of channels and knobs, not on their values.

    Args:
        width: Columns, at least 40.
        height: Lines that there is room for: where it is short, fewer knobs are shown, then no space between groups. None for
            as many as it takes.
    """
    inner = width - 4
    top = meters(snapshot.input, snapshot.output, inner)
    timing = _timing(snapshot, inner)
    bottom = [_heard(snapshot, inner), _clocks(snapshot), _route(snapshot, inner), _stream(snapshot), _message(snapshot)]
    gaps = 3 if snapshot.knobs else 2
    knob_rows = KNOB_ROWS
    if height is not None:
        room = height - 2 - len(top) - len(timing) - len(bottom)
        if room - gaps < min(_LEAST_KNOB_ROWS, len(snapshot.knobs)):
            gaps = 0
        knob_rows = max(1, min(KNOB_ROWS, room - gaps))
    gap: list[Row] = [[]] if gaps else []
    knobs = _knobs(snapshot.knobs, inner, knob_rows)
    rows = [*top, *gap, *timing, *gap, *knobs, *(gap if knobs else []), *bottom]
    return Frame(width, _title(snapshot), _state(snapshot), rows, SHORT_HELP, "red" if snapshot.trouble else "cyan")


def _title(snapshot: Snapshot) -> Piece:
    return one_line(snapshot.playing), "bold"


def _state(snapshot: Snapshot) -> Piece:
    style = "bold red" if snapshot.trouble else "yellow" if snapshot.bypassed else "green"
    return one_line(snapshot.state), style


def _timing(snapshot: Snapshot, inner: int) -> list[Row]:
    """Load, times and what was late; the counts stand beside the times where there is room."""
    load = snapshot.load
    words = f"{number(100 * load, 1):>7} % of {timespan(snapshot.deadline_s)}"
    style = BAR_STYLES[0 if load < 0.5 else 1 if load < 0.8 else 2]
    rows: list[Row] = [[("load".ljust(_LABEL), DIM), *bar(load, max(4, inner - _LABEL - len(words)), style), (words, style)]]
    heads: Row = [("".ljust(_LABEL), DIM), *((f"{head:>9}", DIM) for head in ("p50", "p99", "max"))]
    recent = [("recent".ljust(_LABEL), DIM), *_times(snapshot.recent, snapshot.deadline_s)]
    total = [("total".ljust(_LABEL), DIM), *_times(snapshot.total, snapshot.deadline_s)]
    counts = (
        ("late", 8, snapshot.late_own, "bold red"),
        ("woken late", 13, snapshot.late_woken, "yellow"),
        ("xruns", 8, snapshot.xruns, "bold red"),
        ("faults", 9, snapshot.faults, "bold red"),
    )
    figures = [(name, least, f"{count:,}", style if count else "") for name, least, count, style in counts]
    spare = inner - sum(cells(text) for text, _ in heads) - sum(least for _, least, _, _ in figures)
    if spare < 0:
        return [*rows, heads, recent, total, _narrow([(text, style) for _, _, text, style in figures]), _latency(snapshot, inner)]
    for name, least, text, style in figures:
        wide = least + min(4, spare // 4)
        heads.append((f"{name:>{wide}}", DIM))
        total.append((right(cut(text, wide - 1), wide), style))
    return [*rows, heads, recent, total, _latency(snapshot, inner)]


def _narrow(figures: list[Piece]) -> Row:
    """What went wrong in a line: late blocks by their processing + woken late, xruns, faults."""
    row: Row = []
    for name, (text, style) in zip(("late ", " + ", "  xruns ", "  faults "), figures, strict=True):
        row += [(name, DIM), (cut(text, 5), style)]
    return row


def _times(times: Times, deadline_s: float) -> Row:
    return [
        (
            f"{timespan(value) if times.blocks else '–':>9}",
            "bold red" if value > deadline_s else "yellow" if value > deadline_s / 2 else "",
        )
        for value in (times.p50_s, times.p99_s, times.max_s)
    ]


def _latency(snapshot: Snapshot, inner: int) -> Row:
    parts = (("device", snapshot.device_s), ("buffer", snapshot.buffer_s), ("processor", snapshot.processor_s))
    total = (f"{milliseconds(sum(value for _, value in parts))} ms", "bold")
    if inner < 70:
        return [("latency".ljust(_LABEL), DIM), (" + ".join(milliseconds(value) for _, value in parts) + " = ", ""), total]
    row: Row = [("latency".ljust(_LABEL), DIM)]
    for place, (name, value) in enumerate(parts):
        row += [(f"{' + ' if place else ''}{name} ", DIM), (milliseconds(value), "")]
    return [*row, (" = ", DIM), total]


def _knobs(knobs: tuple[Knob, ...], inner: int, rows: int) -> list[Row]:
    """Sliders, in two columns where that makes them no shorter than they are at 80 columns."""
    if not knobs:
        return []
    columns = 2 if inner >= 100 and len(knobs) > rows // 2 else 1
    rows = min(rows, -(-len(knobs) // columns))
    room = rows * columns
    chosen = next((place for place, knob in enumerate(knobs) if knob.selected), 0)
    first = max(0, min(chosen - room // 2, len(knobs) - room))
    shown = knobs[first : first + room]
    # The window of names decides how wide they are, so that sliders keep their place while the selection moves in it.
    width = (inner - 3 * (columns - 1)) // columns
    longest = max(cells(one_line(knob.name)) for knob in knobs)
    name = min(longest, width // 3)
    value = max(8, min(max(cells(one_line(knob.text)) for knob in knobs), width // 3))
    made = []
    for place, knob in enumerate(shown):
        more = "↑" if first and place == 0 else "↓" if place == len(shown) - 1 and first + room < len(knobs) else " "
        made.append(_knob(knob, more, name, value, width))
    made += [[]] * (room - len(made))
    return [spread([made[row + column * rows] for column in range(columns)], width, 3) for row in range(rows)]


def _knob(knob: Knob, more: str, name: int, value: int, width: int) -> Row:
    style = "bold cyan" if knob.selected else "" if knob.movable else DIM
    length = width - 2 - name - 2 - 2 - value
    return [
        ("▸ " if knob.selected else f"{more} ", "bold cyan" if knob.selected else DIM),
        (left(one_line(knob.name), name) + "  ", style),
        *slider(knob.share, length, "cyan" if knob.selected else "" if knob.movable else DIM),
        ("  " + right(one_line(knob.text), value), style),
    ]


def _heard(snapshot: Snapshot, inner: int) -> Row:
    """Which of the two sounds and the dry signal is heard."""
    heard = 2 if snapshot.bypassed else 1 if snapshot.on_twin and snapshot.twin is not None else 0
    names = (snapshot.original, snapshot.twin)
    room = (inner - _LABEL - len("●   ●   ● dry")) // (2 if snapshot.twin is not None else 1)
    row: Row = [("heard".ljust(_LABEL), DIM)]
    for place, (name, style) in enumerate(((names[0], "bold green"), (names[1], "bold magenta"), ("dry", "bold yellow"))):
        if name is not None:
            mark, style = ("●", style) if place == heard else ("○", DIM)
            row.append((f"{'  ' if place else ''}{mark} {cut(one_line(name), room)}", style))
    return row


def _clocks(snapshot: Snapshot) -> Row:
    row: Row = [("time".ljust(_LABEL), DIM), (clock(snapshot.elapsed_s), "")]
    if snapshot.duration_s is not None:
        row.append((f" of {clock(snapshot.duration_s)}", DIM))
    if snapshot.recorded_s is not None:
        row += [("   ● ", "red"), ("recorded ", DIM), (clock(snapshot.recorded_s), "")]
    return row


def _route(snapshot: Snapshot, inner: int) -> Row:
    source, sink = one_line(snapshot.source), one_line(snapshot.sink)
    room = inner - _LABEL - 3
    if cells(source) + cells(sink) > room:
        less = room // 2
        source, sink = cut(source, max(less, room - cells(sink))), cut(sink, max(room - less, room - cells(source)))
    return [("from/to".ljust(_LABEL), DIM), (source, ""), (" → ", DIM), (sink, "")]


def _stream(snapshot: Snapshot) -> Row:
    format_of = f"{snapshot.sample_rate_hz / 1000:g} kHz, {snapshot.buffer} frames, {snapshot.channels} ch"
    said = ", ".join(part for part in (format_of, snapshot.path, snapshot.priority) if part)
    return [("stream".ljust(_LABEL), DIM), (one_line(said), "")]


def _message(snapshot: Snapshot) -> Row:
    return [(one_line(snapshot.message), "italic")]
