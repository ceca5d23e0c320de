"""Round trips that were measured on this machine, kept for the list of devices in the user's cache folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fxlab.errors import OutputError
from fxlab.formats.plain_json import write_json

_KEPT = 200
_LARGEST = 1e9
_KEY = ("input", "output", "sample_rate_hz", "buffer")


def place() -> Path:
    """The file: below `$XDG_CACHE_HOME` where that is set, else in the system's folder for such things."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        folder = Path(base)
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        folder = Path.home() / ".cache"
    return folder / "fxlab" / "latency.json"


def remembered() -> list[dict[str, Any]]:
    """All of them, the latest last: input and output (names), sample_rate_hz, buffer, seconds. A damaged file holds none."""
    try:
        found = json.loads(place().read_text("utf-8"))
    except (OSError, ValueError, RuntimeError):
        return []
    return [row for row in found if _sound(row)] if isinstance(found, list) else []


def remember(source: str, sink: str, sample_rate_hz: int, buffer: int, seconds: float) -> bool:
    """Files a measurement in place of an earlier one of the same; false where that isn't possible."""
    row = dict(zip(_KEY, (source, sink, sample_rate_hz, buffer), strict=True)) | {"seconds": seconds}
    others = [old for old in remembered() if any(old[key] != row[key] for key in _KEY)]
    try:
        write_json(place(), [*others, row][-_KEPT:])
    except (OutputError, RuntimeError):
        return False
    return True


def round_trip_s(rows: list[Mapping[str, Any]], name: str) -> float | None:
    """The latest round trip in which a device took part."""
    return next((row["seconds"] for row in reversed(rows) if name in (row["output"], row["input"])), None)


def _sound(row: object) -> bool:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in _KEY[:2]):
        return False
    numbers = [row.get(key) for key in (*_KEY[2:], "seconds")]
    return all(type(number) in (int, float) and 0 < number <= _LARGEST for number in numbers)
