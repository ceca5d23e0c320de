"""Tables and figures that look alike in every command."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from fxlab.console.output import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]] = (), numbers: Iterable[str] = ()
) -> RenderableType:
    """A table with one heading per column, as wide or as narrow as it is shown.

    Where room is short, columns move together, then names break after their last slash; figures never break.

    Args:
        title: Shown above it; empty for none.
        columns: Headings.
        rows: Cells; anything but a Rich text is shown as plain text, so brackets in file names are safe. None shows as a dash.
        numbers: Headings of the columns to align on the right.
    """
    return _Table(title, list(columns), [[cell(value) for value in row] for row in rows], set(numbers))


@dataclass
class _Table:
    title: str
    columns: list[str]
    rows: list[list[Text]]
    right: set[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for gap, broken in ((3, False), (2, False), (2, True), (1, True)):
            room = options.max_width - 2 - gap * (len(self.columns) - 1)
            least = self._widths(broken, whole=False)
            if sum(least) <= room:
                break
        least[0] = max(8, least[0] - max(0, sum(least) - room))
        yield self._made(gap, broken, _shared(room, least, self._widths(broken, whole=True)))

    def _widths(self, broken: bool, whole: bool) -> list[int]:
        """What each column wants: all on one line if `whole`, else figures and names uncut, headings and prose by the word."""
        from rich.cells import cell_len

        wanted = []
        for number, name in enumerate(self.columns):
            cells = [(self._named(row[0], broken) if not number else row[number]).plain for row in self.rows]
            longest = max((cell_len(line) for text in cells for line in text.split("\n")), default=0)
            if not whole and number and name not in self.right:
                longest = min(longest, 16)
            wanted.append(max([longest, *map(cell_len, [name] if whole else name.split())]))
        return wanted

    def _made(self, gap: int, broken: bool, widths: list[int]) -> Table:
        from rich import box
        from rich.table import Table

        made = Table(
            title=self.title or None,
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, gap // 2, 0, (gap - 1) // 2),
            header_style="bold",
        )
        for name, width in zip(self.columns, widths, strict=True):
            made.add_column(name, justify="right" if name in self.right else "left", width=width, overflow="fold")
        for row in self.rows:
            made.add_row(self._named(row[0], broken), *row[1:])
        return made

    @staticmethod
    def _named(name: Text, broken: bool) -> Text:
        place, slash, last = name.plain.rpartition("/")
        return type(name)(f"{place}{slash}\n{last}", name.style) if broken and slash else name


def _shared(room: int, least: list[int], most: list[int]) -> list[int]:
    """Widths from `least` on, towards `most` as far as there is room, the smallest wishes first."""
    widths = list(least)
    wishes = sorted(range(len(least)), key=lambda number: most[number] - least[number])
    for place, number in enumerate(wishes):
        spare = max(0, room - sum(widths)) // (len(wishes) - place)
        widths[number] += min(spare, max(0, most[number] - least[number]))
    return widths


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
