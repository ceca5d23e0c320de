"""Values in other programs' files, taken only as what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_LARGEST = float(np.finfo(np.float32).max)


class Unfit(Exception):
    """Why a file can't be played, to be said with its name."""


def whole(data: Mapping[str, Any], key: str, at: str) -> int:
    """The whole number from 1 on under `key`."""
    value = data.get(key)
    if type(value) is not int or value < 1:
        raise Unfit(f"{at} has {_shown(value)} as its {key}")
    return value


def truth(data: Mapping[str, Any], key: str, at: str) -> bool:
    """The true or false under `key`."""
    value = data.get(key)
    if not isinstance(value, bool):
        raise Unfit(f"{at} has {_shown(value)} as its {key}")
    return value


def only(data: Mapping[str, Any], key: str, wanted: object, at: str) -> None:
    """Lets pass nothing but `wanted` under `key`, and its absence."""
    value = data.get(key)
    if value is not None and (type(value) is not type(wanted) or value != wanted):
        raise Unfit(f"{at} has {_shown(value)} as its {key}, and fxlab plays {_shown(wanted)} only")


def section(data: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    """The object under `key`, empty where there is none."""
    value = data.get(key)
    if value is not None and not isinstance(value, dict):
        raise Unfit(f"{at} has {_shown(value)} as its {key}")
    return value or {}


def numbers(values: object, count: int, at: str) -> np.ndarray:
    """A list of exactly so many finite numbers as float32; counted before anything is made of them."""
    if not isinstance(values, list) or len(values) != count:
        found = len(values) if isinstance(values, list) else "no"
        raise Unfit(f"{at} has {found} weights where {count} are needed")
    if not all(type(value) in (int, float) and abs(value) <= _LARGEST for value in values):
        raise Unfit(f"the weights of {at} are not all numbers that fit 32 bits")
    return np.array(values, np.float32)


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value!r:.40}"
