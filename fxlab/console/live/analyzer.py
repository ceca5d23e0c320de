"""The analyzer below the panel of `fxlab live`: spectra as bars side by side, and the harmonics of the note in a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fxlab.console.live.cells import DIM, Frame, Piece, Row, left, number, one_line, right, spread
from fxlab.services.live.analyzer import Spectra

LOWEST_DB, HIGHEST_DB = -90.0, 0.0
"""What the bars span."""

SHOWN = 8
"""Harmonics in the table, fewer where the terminal is narrow."""

STYLES = ("white", "bright_blue", "yellow", "magenta")
"""Of the dry input and the voices, in order."""

_SCALE = (("bars", f"{LOWEST_DB:.0f} .. {HIGHEST_DB:.0f} dB of full scale"),)
_ROWS = 4
_GAP = 2
_CELL = 7
_EIGHTHS = np.array(list(" ▁▂▃▄▅▆▇█"))
_TICKS = ((100.0, "100"), (1000.0, "1k"), (10_000.0, "10k"))


def analysis(spectra: Spectra, width: int) -> Frame:
    """A frame of 12 lines at most, for dry input and two voices; its height doesn't depend on the values.

    Args:
        spectra: What was heard.
        width: Columns, at least 40.
    """
    inner, names = width - 4, list(spectra.levels_db)
    chart = (inner - _GAP * (len(names) - 1)) // len(names)
    charts = [
        _chart(name, spectra.frequencies_hz, levels, chart, style)
        for (name, levels), style in zip(spectra.levels_db.items(), STYLES, strict=False)
    ]
    rows = [spread(beside, chart, _GAP) for beside in zip(*charts, strict=True)]
    note: Piece = (f"{spectra.f0_hz:.1f} Hz", "bold") if spectra.f0_hz else ("no single note", DIM)
    return Frame(width, ("analyzer", "bold"), note, [*rows, *_table(spectra, inner)], _SCALE, "cyan")


def _chart(name: str, frequencies: np.ndarray, levels: np.ndarray, width: int, style: str) -> list[Row]:
    """Bars, the largest level that falls into each column, over a line with the name and the frequencies."""
    starts = np.arange(width) * len(levels) // width
    share = (np.maximum.reduceat(levels, starts) - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
    eighths = np.rint(np.clip(share, 0.0, 1.0) * 8 * _ROWS).astype(int)
    rows: list[Row] = [[("".join(_EIGHTHS[np.clip(eighths - 8 * row, 0, 8)]), style)] for row in reversed(range(_ROWS))]
    return [*rows, _axis(name, frequencies, width, style)]


def _axis(name: str, frequencies: np.ndarray, width: int, style: str) -> Row:
    octaves = math.log2(frequencies[-1] / frequencies[0])
    label = one_line(name)[:width]
    row: Row = [(label, style)]
    end = len(label)
    for hz, text in _TICKS:
        start = round(math.log2(hz / frequencies[0]) / octaves * (width - 1)) - len(text) // 2
        if end < start <= width - len(text):
            row += [(" " * (start - end) + text, DIM)]
            end = start + len(text)
    return row


def _table(spectra: Spectra, inner: int) -> list[Row]:
    names = list(spectra.harmonics_db)
    figures = [np.append(levels[:SHOWN], spectra.thd_db[name]) for name, levels in spectra.harmonics_db.items()]
    lines: list[tuple[str, str, np.ndarray]] = list(zip(names, STYLES, figures, strict=False))
    if len(names) == 3:
        lines.append((f"{names[2]} − {names[1]}", "bold", figures[2] - figures[1]))
    label = max(len(one_line(name)) for name, _, _ in lines)
    shown = max(1, min(SHOWN, (inner - label) // _CELL - 1))
    heads = [f"H{k}" for k in range(1, shown + 1)] + ["THD"]
    rows: list[Row] = [[("dB".ljust(label), DIM), *((right(head, _CELL), DIM) for head in heads)]]
    return rows + [_figures(left(one_line(name), label), style, [*values[:shown], values[-1]]) for name, style, values in lines]


def _figures(label: str, style: str, values: Sequence[float]) -> Row:
    # Adding zero takes the sign from a rounded -0.0, which would flicker.
    return [(label, style), *((f"{number(round(float(value), 1) + 0.0, 1):>{_CELL}}", style) for value in values)]
