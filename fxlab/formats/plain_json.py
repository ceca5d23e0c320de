"""JSON of our own, as others can read it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import replacing


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: not-a-number and infinity become null, paths text, arrays and their scalars numbers."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def text_of(value: Any) -> str:
    """The lines that hold `value`, the last one ended."""
    return json.dumps(plain(value), indent=2, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Writes `value` to a file that appears whole or not at all; raises `OutputError`."""
    with replacing(path) as temporary:
        temporary.write_text(text_of(value), encoding="utf-8")
