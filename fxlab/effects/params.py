"""Parameters are declared once, here is how.

From one declaration come `--set drive_db=12`, profile validation, `fxlab effects show` and the conditioning of networks.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fxlab.errors import UsageError, nearest

Value = float | int | str | bool


@dataclass(frozen=True)
class Param:
    """A continuous parameter.

    Args:
        name: Its standard name, with the unit as suffix where it has one (`cutoff_hz`, `drive_db`).
        default: Value when nothing is said; `low <= default <= high`.
        low: Smallest accepted value, inclusive.
        high: Largest accepted value, inclusive.
        unit: Unit for display, empty for a plain number.
        help: One line for the user.
        scale: How a knob maps to the value; `log` needs `low > 0`, `db` is linear in decibels.
    """

    name: str
    default: float
    low: float
    high: float
    unit: str
    help: str
    scale: Literal["lin", "log", "db"] = "lin"

    @property
    def range_text(self) -> str:
        return f"{self.low:g} .. {self.high:g}" + (f" {self.unit}" if self.unit else "")

    @property
    def steps(self) -> int | None:
        """Settings that it has, None for a continuous range."""
        return None

    def share(self, value: float) -> float:
        """Where a value stands on a knob, 0..1."""
        if self.scale == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """The value at a place of the knob, 0..1."""
        share = min(max(share, 0.0), 1.0)
        spread = self.high - self.low
        value = self.low * (self.high / self.low) ** share if self.scale == "log" else self.low + share * spread
        return min(max(value, self.low), self.high)

    def parse(self, value: object) -> float:
        """`value` (number or text) as a float in range; raises `UsageError` otherwise."""
        try:
            if isinstance(value, bool):
                raise TypeError
            number = float(value)  # type: ignore[arg-type]
        except OverflowError:  # a whole number of hundreds of digits
            raise UsageError(f"{self.name} is out of range.", f"Its range is {self.range_text}.") from None
        except (TypeError, ValueError):
            raise UsageError(f"{self.name} must be a number, not {value!r}.", f"Its range is {self.range_text}.") from None
        if not (math.isfinite(number) and self.low <= number <= self.high):
            raise UsageError(f"{self.name} = {number:g} is out of range.", f"Its range is {self.range_text}.")
        return number


@dataclass(frozen=True)
class Choice:
    """A parameter with a few named settings (all options share one type: str, int or bool)."""

    name: str
    default: Value
    options: tuple[Value, ...]
    help: str
    unit: str = ""

    @property
    def range_text(self) -> str:
        return " | ".join(_text(option) for option in self.options)

    @property
    def steps(self) -> int | None:
        """Settings that it has."""
        return len(self.options)

    def share(self, value: Value) -> float:
        """Where a setting stands on a knob, 0..1."""
        return self.options.index(value) / max(1, len(self.options) - 1)

    def at(self, share: float) -> Value:
        """The setting nearest to a place of the knob, 0..1."""
        return self.options[round(min(max(share, 0.0), 1.0) * (len(self.options) - 1))]

    def parse(self, value: object) -> Value:
        """The option equal to `value` or written like it; raises `UsageError` otherwise."""
        for option in self.options:
            if type(value) is type(option) and value == option:
                return option
            if isinstance(value, str) and value.strip().lower() == _text(option):
                return option
        raise UsageError(f"{self.name} = {value} is not a setting of it.", f"Choose one of: {self.range_text}.")


@dataclass(frozen=True)
class FileParam:
    """A parameter that names a file, or something built in that stands for one.

    Args:
        name: Its standard name.
        default: One of `built_in`, so that an effect plays without any file.
        built_in: What needs no file. A file of such a name is meant by `./NAME`.
        help: One line for the user.
    """

    name: str
    default: str
    built_in: tuple[str, ...]
    help: str

    @property
    def range_text(self) -> str:
        return " | ".join((*self.built_in, "FILE"))

    def parse(self, value: object) -> str:
        """`value` as given (text or a path, ~ expanded) if such a file can be read; raises `UsageError` otherwise."""
        if not isinstance(value, (str, os.PathLike)) or not str(value).strip():
            raise UsageError(f"{self.name} must name a file, not {value!r}.", f"Choose one of: {self.range_text}.")
        if value in self.built_in:
            return str(value)
        path = os.path.expanduser(str(value))
        if os.path.isdir(path):
            raise UsageError(f"{self.name} = {path} is a folder.", "Name a file in it.")
        if not os.path.isfile(path):
            others = f"Without a file: {', '.join(self.built_in)}."
            raise UsageError(f"{self.name}: there is no file {path}.", f"A path starts at the current folder. {others}")
        if not os.access(path, os.R_OK):
            raise UsageError(f"{self.name}: {path} can't be read.", "Check its permissions.")
        return path


Parameter = Param | Choice | FileParam


def _text(value: Value) -> str:
    return str(value).lower()


def defaults(parameters: Iterable[Parameter]) -> dict[str, Value]:
    """Name to default value."""
    return {parameter.name: parameter.default for parameter in parameters}


def resolve(parameters: Iterable[Parameter], given: Mapping[str, object], owner: str) -> dict[str, Value]:
    """Every parameter's value: the default, or what `given` says once validated.

    Args:
        parameters: The declarations.
        given: Name to value (numbers, text from the command line, TOML values).
        owner: Whose parameters these are, for error messages.

    Raises:
        UsageError: An unknown name (with the nearest known one) or a value out of range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise UsageError(f"{owner} has no parameter '{name}'.", nearest(name, known))
    return {name: parameter.parse(given[name]) if name in given else parameter.default for name, parameter in known.items()}
