"""How a setting is declared, with what it accepts, and how a value is checked against that."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import field
from typing import Any

from fxlab.errors import UsageError


def setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] | None = None,
    accepts: Callable[[Any], object] | None = None,
) -> Any:
    """A dataclass field with its help and what it accepts in the metadata: a range, choices, or what `accepts` lets pass."""
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "accepts": accepts}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def check(settings: Any, name: str, value: Any) -> Any:
    """`value` for the field `name` of a settings dataclass, converted where that loses nothing.

    Raises:
        UsageError: A wrong type or a value outside the range or the choices.
    """
    declared = next(f for f in dataclasses.fields(settings) if f.name == name)
    make = declared.default_factory
    default: Any = declared.default if make is dataclasses.MISSING else make()
    kind = type(default)
    low, high, choices = (declared.metadata[key] for key in ("low", "high", "choices"))
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if type(value) is not kind:
        raise UsageError(f"{name} must be {_ARTICLE[kind]}, not {shown(value)}.", declared.metadata["help"])
    if choices is not None and value not in choices:
        raise UsageError(f"{name} = {shown(value)} is not a setting of it.", f"Choose one of: {', '.join(map(str, choices))}.")
    if declared.metadata["accepts"] is not None:
        declared.metadata["accepts"](value)
    if low is None:
        return value
    numbers, whole = (value, type(default[0]) is int) if kind is list else ([value], kind is int)
    if not numbers:
        raise UsageError(f"{name} is empty.", f"Give at least one value in {low} .. {high}.")
    for number in numbers:
        if type(number) not in ((int,) if whole else (int, float)):
            raise UsageError(
                f"{name} takes {'whole ' if whole else ''}numbers, not {shown(number)}.", f"Its range is {low} .. {high}."
            )
        if not low <= number <= high:  # false for not-a-number too
            raise UsageError(f"{name} = {shown(number)} is out of range.", f"Its range is {low} .. {high}.")
    return value


def shown(value: object) -> str:
    """A value as TOML users would write it, cut to a sane length."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_ARTICLE = {int: "a whole number", float: "a number", str: "text", bool: "true or false", list: "a list", dict: "a table"}
