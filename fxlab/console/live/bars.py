"""Bars of `fxlab live`: level meters, load and the sliders of knobs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fxlab.console.live.cells import DIM, Row, number, spread
from fxlab.live.snapshot import Level

FLOOR_DB = -60.0
"""The left end of a meter; its right end is 0 dB."""

ZONES_DB = (-6.0, -1.0)
"""From here on meters are yellow and red."""

BAR_STYLES = ("green", "yellow", "bold red")

_LABEL = 9
_OUT_LABEL = 6
_GAP = 2
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def bar(share: float, width: int, style: str) -> Row:
    """A line that is thick up to `share` (0..1, clipped; nothing for not-a-number) of its width."""
    share = 0.0 if math.isnan(share) else min(1.0, max(0.0, share))
    halves = max(round(2 * share * width), 1 if share > 0 else 0)
    thick, half = divmod(halves, 2)
    return [("━" * thick + "╾" * half, style), ("─" * (width - thick - half), DIM)]


def slider(share: float | None, width: int, style: str) -> Row:
    """Where a knob stands in its range, 0..1; an empty place for one that has no such place (None or not-a-number)."""
    if share is None or math.isnan(share):
        return [(" " * width, "")]
    place = round(min(1.0, max(0.0, share)) * (width - 1))
    return [("━" * place, style), ("●", style), ("─" * (width - 1 - place), DIM)]


def meters(inputs: Sequence[Level], outputs: Sequence[Level], width: int) -> list[Row]:
    """Input and output beside each other: a line for each of one or two channels, a single line for more."""
    first, second = (width - _GAP) - (width - _GAP) // 2, (width - _GAP) // 2
    sides = [_side("in", inputs, first, _LABEL), _side("out", outputs, second, _OUT_LABEL)]
    rows = max(map(len, sides))
    for side in sides:
        side += [[]] * (rows - len(side))
    return [
        [*spread([of_in], first, 0), (" " * _GAP, ""), *spread([of_out], second, 0)] for of_in, of_out in zip(*sides, strict=True)
    ]


def _side(name: str, levels: Sequence[Level], width: int, label: int) -> list[Row]:
    label = min(label, _OUT_LABEL) if width < 24 else label
    unit = " dB" if width >= 34 else ""
    room = width - label - 7 - len(unit)
    if len(levels) > 2:
        loudest = max((level.peak_db for level in levels if not math.isnan(level.peak_db)), default=math.nan)
        row = [(f"{name} {len(levels)}"[: label - 1].ljust(label), DIM), *_skyline(levels, room)]
        return [[*row, *_value(loudest, unit)]]
    return [
        [
            (f"{name} {place}".ljust(label) if len(levels) > 1 else name.ljust(label), DIM),
            *meter(level, room),
            *_value(level.peak_db, unit),
        ]
        for place, level in enumerate(levels, 1)
    ]


def _value(peak_db: float, unit: str) -> Row:
    return [(f"{number(peak_db, 1):>7}"[-7:], _style(peak_db)), (unit, DIM)]


def meter(level: Level, width: int) -> Row:
    """The RMS level as a thick line, green, yellow and red by `ZONES_DB`, and a mark at the peak."""
    signs = ["─"] * width
    styles = [DIM] * width
    for place in range(round(_share(level.rms_db) * width)):
        signs[place], styles[place] = "━", _style(FLOOR_DB * (1 - (place + 1) / width))
    if level.peak_db > FLOOR_DB:
        place = min(width - 1, int(_share(level.peak_db) * width))
        signs[place], styles[place] = "╂", _style(level.peak_db)
    return _joined(signs, styles)


def _skyline(levels: Sequence[Level], width: int) -> Row:
    """One column for each channel, or for neighbours together where there are too many; its height is the peak."""
    columns = min(width, len(levels))
    signs, styles = [], []
    for column in range(columns):
        of_column = levels[column * len(levels) // columns : (column + 1) * len(levels) // columns]
        peak = max((level.peak_db for level in of_column), key=_share)
        signs.append(_EIGHTHS[math.ceil(_share(peak) * 8)])
        styles.append(_style(peak))
    return [*_joined(signs, styles), (" " * (width - columns), "")]


def _joined(signs: Sequence[str], styles: Sequence[str]) -> Row:
    """Neighbours of one style as one piece."""
    row: Row = []
    start = 0
    for place in range(1, len(signs) + 1):
        if place == len(signs) or styles[place] != styles[start]:
            row.append(("".join(signs[start:place]), styles[start]))
            start = place
    return row


def _share(level_db: float) -> float:
    return 0.0 if math.isnan(level_db) else min(1.0, max(0.0, 1 - level_db / FLOOR_DB))


def _style(level_db: float) -> str:
    return BAR_STYLES[sum(level_db > limit for limit in ZONES_DB)]
