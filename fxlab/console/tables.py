"""Tables and figures that look alike in every command."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from fxlab.console.output import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]] = (), numbers: Iterable[str] = ()) -> Table:
    """A table with one heading per column.

    Args:
        title: Shown above it; empty for none.
        columns: Headings.
        rows: Cells; anything but a Rich text is shown as plain text, so brackets in file names are safe. None shows as a dash.
        numbers: Headings of the columns to align on the right.
    """
    from rich import box
    from rich.table import Table

    right = set(numbers)
    made = Table(
        title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold"
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=column in right, overflow="fold")
    for row in rows:
        made.add_row(*(cell(value) for value in row))
    return made


def pairs(title: str, rows: Iterable[tuple[str, object]]) -> Table:
    """A headless table of names and values."""
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(name, cell(value))
    return made


def cell(value: object) -> Text:
    """Any value as table text, without markup."""
    from rich.text import Text

    if isinstance(value, Text):
        return value
    if isinstance(value, PurePath):
        value = str(value).replace("\n", "?")  # the only cell whose line ends nobody meant
    return Text("–" if value is None else figure(value) if isinstance(value, float) else printable(str(value)))


def figure(value: float, digits: int = 3) -> str:
    """A number with so many significant digits and no needless zeros."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        decimals = digits if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 1}e}"


def counted(count: int, what: str) -> str:
    """A number of things: 1 pair, 2,000 pairs."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def percent(share: float, digits: int = 3) -> str:
    """A share (0.001) as a percentage (0.1 %)."""
    return f"{figure(100 * share, digits)} %"


def decibels(value: float) -> str:
    """A level with one decimal."""
    return f"{value:.1f} dB" if math.isfinite(value) else f"{value} dB"


def level(value: float) -> str:
    """A level that may be that of nothing at all (`fxlab.metrics.spectrum.FLOOR_DB`)."""
    return "none" if value <= -299 else decibels(value)


def size(count: float) -> str:
    """Bytes in the unit that suits them (binary units)."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """A time span in the unit that suits it."""
    if seconds == 0:
        return "0 s"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if abs(seconds) < limit:
            return f"{figure(seconds * factor)} {unit}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"
