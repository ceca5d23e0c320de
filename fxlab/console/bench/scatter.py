"""Error against time in the terminal: a mark per network over logarithmic axes, the effects that they copy below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fxlab.console.bench.histogram import log_ticks, place, tick_axis, tick_labels
from fxlab.metrics.timing import log_edges
from fxlab.services.bench.pareto_tables import named
from fxlab.services.bench.standing import ParetoResult

if TYPE_CHECKING:
    from rich.text import Text

WIDTH, HEIGHT = 100, 15
"""Columns, the vertical axis included, and rows at most."""

MARKS = {"fp32": "●", "fp16": "◐", "int8": "○", None: "▲"}
"""Of a network by its precision, None of DSP."""
_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "red")
_LINE = "·"
_LEFT, _RIGHT = 10, 5  # columns of the vertical axis, and for the end of the horizontal one's last label


class _Canvas:
    """Characters with styles, row 0 on top."""

    def __init__(self, rows: int, columns: int) -> None:
        self.characters = np.full((rows, columns), " ")
        self.styles = np.full((rows, columns), "", dtype=object)

    def write(self, row: int, column: int, words: str, style: str) -> None:
        self.characters[row, column : column + len(words)] = list(words)
        self.styles[row, column : column + len(words)] = style

    def label(self, row: int, column: int, words: str, style: str) -> None:
        """Words beside a mark where they fit first: right, left, above, below; nowhere if all is taken."""
        size = len(words)
        rows, columns = self.characters.shape
        steps = 2, -size - 1, 0, 1 - size
        for down, across in [(0, steps[0]), (0, steps[1]), *((down, across) for across in steps for down in (-1, 1))]:
            top, left = row + down, column + across
            around = self.characters[top : top + 1, max(0, left - 1) : left + size + 1]
            if 0 <= top < rows and left >= 0 and left + size <= columns and np.isin(around, [" ", _LINE]).all():
                return self.write(top, left, words, style)
        return None

    def line(self, one: tuple[int, int], other: tuple[int, int], style: str) -> None:
        """A dotted line between two marks."""
        count = max(abs(other[0] - one[0]), abs(other[1] - one[1])) + 1
        for row, column in zip(
            *(np.linspace(a, b, count).round().astype(int) for a, b in zip(one, other, strict=True)), strict=True
        ):
            self.write(row, column, _LINE, style)

    def drawn(self, margins: list[str]) -> Text:
        """All of it, each row behind its margin."""
        from rich.text import Text

        text = Text()
        for margin, characters, styles in zip(margins, self.characters, self.styles, strict=True):
            text.append(margin, style="dim")
            for character, style in zip(characters, styles, strict=True):
                text.append(character, style=style or None)
            text.rstrip()
            text.append("\n")
        return text


def scatter(result: ParetoResult, buffer: int, columns: int) -> Text | None:
    """Networks by their real-time factor and error at one buffer size; None where no error is known.

    Args:
        columns: Width of the terminal.
    """
    from rich.text import Text

    cells = [cell for cell in result.cells if cell.buffer == buffer]
    networks = [cell for cell in cells if result.esr(cell) is not None]
    references = [cell for cell in cells if result.standing(cell).reference]
    if not networks:
        return None
    targets = list(dict.fromkeys(result.standing(cell).target for cell in cells))
    colours = {target: _COLOURS[i % len(_COLOURS)] for i, target in enumerate(targets)}
    width = min(WIDTH, columns) - _LEFT - _RIGHT
    across = _edges([cell.rtf.median for cell in [*references, *networks]], width)
    down = _edges([result.drawn_esr(cell) for cell in networks], HEIGHT)
    places = {id(cell): (HEIGHT - 1 - place(result.drawn_esr(cell), down), place(cell.rtf.median, across)) for cell in networks}
    canvas = _Canvas(HEIGHT + len(references), width)
    for target in targets:
        front = [cell for cell in networks if result.standing(cell).target == target and "speed" in result.standing(cell).fronts]
        corners = sorted((places[id(cell)] for cell in front), key=lambda corner: corner[1])
        for one, other in zip(corners, corners[1:], strict=False):
            canvas.line(one, other, f"dim {colours[target]}")
    # Those of full precision last, on top of what is rounded from them.
    for cell in sorted(networks, key=lambda cell: list(MARKS).index(result.standing(cell).precision), reverse=True):
        standing = result.standing(cell)
        canvas.write(*places[id(cell)], MARKS[standing.precision], colours[standing.target])
    for row, cell in enumerate(references, HEIGHT):
        column = place(cell.rtf.median, across)
        canvas.write(row, column, MARKS[None], colours[result.standing(cell).target])
        canvas.label(row, column, cell.effect, colours[result.standing(cell).target])
    for cell in networks:
        standing = result.standing(cell)
        if standing.timed_as is None:
            canvas.label(*places[id(cell)], named(result, cell), colours[standing.target])
    rows = dict((HEIGHT - 1 - row, label) for row, label in log_ticks(down, 100.0, vertical=True))
    margins = [f"{rows[row]} %".rjust(_LEFT - 2) + " ┤" if row in rows else " " * (_LEFT - 1) + "│" for row in range(HEIGHT)]
    margins += ["DSP │".rjust(_LEFT) for _ in references]
    ticks = log_ticks(across)
    text = Text()
    text.append(f"ESR over real-time factor at {buffer} frames: ", style="bold")
    text.append("lower is nearer, further left is faster\n")
    text.append_text(canvas.drawn(margins))
    text.append(" " * (_LEFT - 1) + "└" + tick_axis(across, ticks) + "\n", style="dim")
    text.append("RTF".rjust(_LEFT - 2) + "  " + tick_labels(across, ticks) + "\n", style="dim")
    shown = [f"{mark} {precision or 'DSP'}" for precision, mark in MARKS.items() if mark in canvas.characters]
    text.append(" " * _LEFT + "  ".join([*shown, f"{_LINE * 2} front"]) + "\n", style="dim")
    return text


def _edges(values: list[float], count: int) -> np.ndarray:
    """Of `count` characters, wide enough for the values and something on either side."""
    room = max((max(values) / min(values)) ** 0.08, 1.5)
    return log_edges(min(values) / room, max(values) * room, count)
