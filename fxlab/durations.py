"""Lengths of time as people write them: '3min', '90s', '1h30min', '2:30'."""

from __future__ import annotations

import re

from fxlab.errors import UsageError

_UNITS_S = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0, "ms": 1e-3}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(h|min|ms|m|s)", re.ASCII)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):([0-5]?\d(?:\.\d*)?)", re.ASCII)
_PLAIN = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
_LONGEST_S = 1000 * 3600.0


def parse_duration(text: str) -> float:
    """Seconds meant by `text`: units (h, min or m, s, ms) one after another, a clock (m:s, h:m:s), or plain seconds.

    Raises:
        UsageError: Anything else, or more than 1000 hours.
    """
    written = text.strip().lower()
    if _PLAIN.fullmatch(written):
        seconds = float(written)
    elif clock := _CLOCK.fullmatch(written):
        hours, minutes, rest = clock.groups()
        seconds = 3600 * float(hours or 0) + 60 * float(minutes) + float(rest)
    elif re.fullmatch(rf"(?:{_PART.pattern}\s*)+", written, re.ASCII):
        seconds = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(written))
    else:
        raise UsageError(f"'{text}' isn't a length of time.", "Write it like 90s, 3min, 1h30min or 2:30.")
    if seconds > _LONGEST_S:
        raise UsageError(f"'{text}' is longer than 1000 hours.", "Write it like 90s, 3min, 1h30min or 2:30.")
    return seconds
