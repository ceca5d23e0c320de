"""Recorded pairs and their knobs as a profile describes them: `[[dataset.pairs]]` and `[[dataset.knobs]]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from fxlab.effects.params import Param
from fxlab.errors import UsageError, nearest

SCALES = ("lin", "log", "db")

_KNOB_EXAMPLE = 'Like name = "gain_percent", low = 0, high = 100, default = 50, unit = "%", help = "The gain knob."'
_PAIR_EXAMPLE = 'Like dry = "input.wav", wet = "gain50.wav", knobs = { gain_percent = 50 }.'


def check_pairs(pairs: Sequence[Any]) -> None:
    """Raises `UsageError` unless every pair names a dry and a wet file, and its knobs, if any, are numbers."""
    for pair in pairs:
        _require_table("pairs", pair, ("dry", "wet", "knobs"), _PAIR_EXAMPLE)
        for key in ("dry", "wet"):
            if not isinstance(pair.get(key), str) or not pair[key].strip():
                raise UsageError(f"pairs: {key} must name a file, not {pair.get(key)!r}.", _PAIR_EXAMPLE)
        knobs = pair.get("knobs", {})
        if not isinstance(knobs, Mapping) or not all(_is_number(value) for value in knobs.values()):
            raise UsageError(f"pairs: the knobs of {pair['wet']} must be names with numbers.", _PAIR_EXAMPLE)


def check_knobs(knobs: Sequence[Any]) -> None:
    """Raises `UsageError` unless every knob is a whole declaration and their names differ."""
    params = knobs_of(knobs)
    if len({param.name for param in params}) < len(params):
        raise UsageError("knobs: two of them have the same name.", "Each knob has a name of its own.")


def knobs_of(knobs: Sequence[Any]) -> list[Param]:
    """The knobs of `[[dataset.knobs]]` as parameters, in order; raises `UsageError`."""
    return [_knob(item) for item in knobs]


def values_of(pair: Mapping[str, Any], knobs: Sequence[Param]) -> dict[str, float]:
    """Where a pair's knobs stand, in the order of `knobs`; raises `UsageError` where one is missing, unknown or out of range."""
    given = pair.get("knobs", {})
    names = [knob.name for knob in knobs]
    for name in given:
        if name not in names:
            hint = nearest(name, names) if names else "Declare it: [[dataset.knobs]] with name, low, high and default."
            raise UsageError(f"The pair of {pair['wet']} has an unknown knob '{name}'.", hint)
    for name in names:
        if name not in given:
            raise UsageError(f"The pair of {pair['wet']} doesn't say how {name} stands.", f"Add knobs = {{ {name} = ... }}.")
    return {knob.name: knob.parse(given[knob.name]) for knob in knobs}


def _knob(item: Any) -> Param:
    _require_table("knobs", item, ("name", "low", "high", "default", "unit", "help", "scale"), _KNOB_EXAMPLE)
    name, scale = item.get("name"), item.get("scale", "lin")
    if not isinstance(name, str) or not (name.isidentifier() and name.isascii()):
        raise UsageError(f"knobs: a name is letters, digits and _, not {name!r}.", _KNOB_EXAMPLE)
    for key in ("low", "high", "default"):
        if not _is_number(item.get(key)):
            raise UsageError(f"knobs: {key} of {name} must be a number, not {item.get(key)!r}.", _KNOB_EXAMPLE)
    for key in ("unit", "help"):
        if not isinstance(item.get(key, ""), str):
            raise UsageError(f"knobs: {key} of {name} must be text, not {item[key]!r}.", _KNOB_EXAMPLE)
    if scale not in SCALES:
        raise UsageError(f"knobs: {name} has an unknown scale {scale!r}.", f"Choose one of: {', '.join(SCALES)}.")
    low, high, default = (float(item[key]) for key in ("low", "high", "default"))
    if not low <= default <= high or low == high or (scale == "log" and low <= 0):
        raise UsageError(f"knobs: {name} needs low < high with the default between, and for scale log low > 0.", _KNOB_EXAMPLE)
    return Param(name, default, low, high, item.get("unit", ""), item.get("help", ""), scale)


def _require_table(what: str, item: Any, keys: Sequence[str], example: str) -> None:
    if not isinstance(item, Mapping):
        raise UsageError(f"{what} must be tables, not {item!r}.", f"Write [[dataset.{what}]] once for each. {example}")
    for key in item:
        if key not in keys:
            raise UsageError(f"{what}: unknown setting '{key}'.", nearest(key, keys))


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
