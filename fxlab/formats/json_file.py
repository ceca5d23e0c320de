"""JSON from somebody else, read within bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.errors import InputError

_MAX_BYTES, _MAX_DEPTH = 32 << 20, 32
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def read_json(path: Path, hint: str) -> dict[str, Any]:
    """The JSON object that a file holds.

    Size and nesting are bounded before anything is parsed, and NaN and Infinity are no numbers. A number can still be too
    large for a float (1e999 is read as infinity).

    Args:
        path: The file.
        hint: What such a file should be, for the error.

    Raises:
        InputError: It can't be read, is too large or too deeply nested, or isn't one JSON object in UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}).", hint) from None
    if len(data) > _MAX_BYTES:
        raise InputError(f"{path} is larger than any model of its kind ({_MAX_BYTES >> 20} MiB).", hint)
    if _depth(data) > _MAX_DEPTH:
        raise InputError(f"{path} is nested deeper than any model of its kind.", hint)
    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except ValueError:
        raise InputError(f"{path} is not valid JSON: damaged, cut short or of another kind.", hint) from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is JSON, but not an object.", hint)
    return value


def _depth(data: bytes) -> int:
    """How deep brackets nest outside of strings."""
    codes = np.frombuffer(data.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    quoted = np.logical_xor.accumulate(codes == ord('"'))
    return int(np.cumsum(np.where(quoted, 0, _STEPS[codes]), dtype=np.int32).max(initial=0))


def _refuse(constant: str) -> float:
    raise ValueError(constant)
