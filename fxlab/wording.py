"""Figures and counts as people read them, the same in tables, sentences and pages."""

from __future__ import annotations

import math


def figure(value: float, digits: int = 3) -> str:
    """A number with so many significant digits and no needless zeros."""
    if not math.isfinite(value):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        decimals = digits if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{digits - 1}e}"


def told(value: object) -> str:
    """Any value as a table tells it: a dash for None, three digits of a float."""
    return "–" if value is None else figure(value) if isinstance(value, float) else str(value)


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


def place(seconds: float) -> str:
    """Where in a recording something is: 1:05.3."""
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


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
