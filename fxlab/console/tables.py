"""Tables and figures that look alike in every command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from fxlab.console.output import printable
from fxlab.wording import counted, decibels, duration, figure, level, percent, size, told

__all__ = ["cell", "counted", "decibels", "duration", "figure", "level", "pairs", "percent", "size", "table", "table_of"]

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

    from fxlab.pages.parts import Table as PageTable


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


def table_of(made: PageTable, numbers: Iterable[str] | None = None) -> RenderableType:
    """A table that pages show too; all columns but the first are aligned on the right unless `numbers` says which."""
    return table(made.title, made.columns, made.rows, made.columns[1:] if numbers is None else numbers)


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
    return Text(printable(told(value)))
