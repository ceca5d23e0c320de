"""Numbers that texts begin with, for columns to be sorted by: times in seconds, sizes in bytes, frequencies in Hz."""

from __future__ import annotations

import re

_DIGITS = r"(?:\d{1,3}(?:[,_ \u202f\u00a0]\d{3})+|\d+)(?:\.\d*)?|\.\d+"  # thousands may be set apart
_NUMBER = re.compile(rf"[<>≤≥~≈×x]?\s*([+\-−]?(?:{_DIGITS})(?:[eE][+\-]?\d+)?)\s*([^\W\d_]*)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d(?:\.\d+)?)(?: min)?(?![\d:.])")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_UNITS |= {"KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "kHz": 1e3, "k": 1e3, "M": 1e6, "G": 1e9}
_ENDLESS = {sign + word: float(f"{sign}inf".replace("−", "-")) for sign in ("", "-", "−") for word in ("inf", "∞")}


def number_of(text: str) -> float | None:
    """The number a text begins with, in the unit that all of its kind share; None where it begins with something else."""
    if clock := _CLOCK.match(text.strip()):
        return 3600.0 * int(clock[1] or 0) + 60.0 * int(clock[2]) + float(clock[3])
    found = _NUMBER.match(text.strip())
    if not found:
        return _ENDLESS.get(text.strip().split(" ")[0])
    digits = re.sub(r"[,_\s]", "", found[1]).replace("−", "-")
    return float(digits) * _UNITS.get(found[2], 1.0)
