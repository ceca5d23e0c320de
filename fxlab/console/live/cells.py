"""Text in character cells for displays that are redrawn many times a second: nothing is wider or narrower than it must be."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

Piece = tuple[str, str]
"""Text and the name of its style."""

Row = list[Piece]

DIM = "dim"

_ASCII = {
    ord(sign): plain
    for signs, plain in (
        ("━╾", "="), ("─", "-"), ("╂│", "|"), ("●", "*"), ("○", "o"), ("▸→", ">"), ("←", "<"), ("↑", "^"), ("↓", "v"),
        ("╭╮╰╯", "+"), ("·…", "."), ("–", "-"), ("µ", "u"), ("▁▂", "_"), ("▃▄▅", "="), ("▆▇█", "#"),
    )
    for sign in signs
}  # fmt: skip


@dataclass
class Frame:
    """A box of lines, each exactly `width` columns wide: longer ones are cut, shorter ones filled.

    Args:
        width: Columns of the whole box.
        left, right: In the upper border; the right one is cut only where it would leave too little of the left one.
        rows: The lines within, `width` - 4 columns of each.
        keys: Pairs of key and meaning in the lower border, as many of the first ones as fit.
        border: Style of the frame.
    """

    width: int
    left: Piece
    right: Piece
    rows: Sequence[Row]
    keys: Sequence[tuple[str, str]]
    border: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment

        styles = {"": None}
        plain, line = options.ascii_only, Segment.line()
        for row in self.lines():
            for style, pieces in groupby(row, itemgetter(1)):  # each segment costs several times what its text costs
                if style not in styles:
                    styles[style] = console.get_style(style)
                text = "".join(text for text, _ in pieces)
                yield Segment(text.translate(_ASCII) if plain else text, styles[style])
            yield line

    def lines(self) -> Iterator[Row]:
        """The whole box."""
        border, inner = self.border, self.width - 4
        yield self._top()
        for row in self.rows:
            yield [("│ ", border), *fitted(row, inner), (" │", border)]
        yield self._bottom()

    def _top(self) -> Row:
        room = self.width - 9
        right = cut(self.right[0], max(room // 2, room - 20))
        left = cut(self.left[0], room - cells(right))
        border, line = self.border, "─" * (room + 1 - cells(right) - cells(left))
        end: Row = [(f" {line} ", border), (right, self.right[1])] if right else [(f" {line}─", border)]
        return [("╭─ ", border), (left, self.left[1]), *end, (" ─╮" if right else "──╮", border)]

    def _bottom(self) -> Row:
        room = self.width - 6
        row: Row = []
        for key, meaning in self.keys:
            needed = cells(key) + 1 + cells(meaning) + (3 if row else 0)
            if needed > room:
                break
            row += [(" · ", self.border)] if row else []
            row += [(key, "bold"), (f" {meaning}", DIM)]
            room -= needed
        return [("╰─ ", self.border), *row, (f" {'─' * room}─╯", self.border)]


def fitted(row: Row, width: int) -> Row:
    """A line of exactly so many columns."""
    made, room = [], width
    for text, style in row:
        text = cut(text, room)
        room -= cells(text)
        made.append((text, style))
    return [*made, (" " * room, "")]


def spread(rows: Sequence[Row], width: int, gap: int) -> Row:
    """Lines beside each other, so many columns each."""
    made: Row = []
    for row in rows:
        made += [*([(" " * gap, "")] if made else []), *fitted(row, width)]
    return made


def cells(text: str) -> int:
    """Columns that a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """A text of so many columns at most, with an ellipsis where it ends early."""
    if cells(text) <= width:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def left(text: str, width: int) -> str:
    """A text cut or filled to so many columns."""
    text = cut(text, width)
    return text + " " * (width - cells(text))


def right(text: str, width: int) -> str:
    """The same with the text at the right end."""
    text = cut(text, width)
    return " " * (width - cells(text)) + text


def one_line(text: str) -> str:
    """A text that can neither steer the terminal nor break or turn its line."""
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)


def number(value: float, decimals: int) -> str:
    """A number with so many decimals always, so that it stands still while it changes."""
    if math.isnan(value):
        return "–"
    return f"{value:.{decimals}f}" if abs(value) < 1e5 or math.isinf(value) else f"{value:.0e}"


def milliseconds(seconds: float) -> str:
    """A time in ms without the unit, one decimal."""
    return number(1000 * seconds, 1)


def timespan(seconds: float) -> str:
    """A time with three digits always, in the unit that suits it."""
    if not math.isfinite(seconds):
        return number(seconds, 0)
    factor, unit = next(((f, u) for f, u in ((1e6, "µs"), (1e3, "ms")) if abs(seconds) * f < 999.5), (1.0, "s"))
    value = abs(seconds) * factor
    return f"{number(seconds * factor, 0 if value >= 99.95 else 1 if value >= 9.995 else 2)} {unit}"


def clock(seconds: float) -> str:
    """A time span as m:ss or h:mm:ss."""
    if not math.isfinite(seconds) or seconds >= 1e9:
        return number(seconds, 0)
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
