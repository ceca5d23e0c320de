"""TOML profiles: found, read, and checked against `fxlab.settings`, every problem named with its file and line.

Precedence is flag > profile > default: a profile only changes what it mentions, and `override` lays flags over it.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fxlab import toml
from fxlab.errors import UsageError, nearest
from fxlab.setting import check
from fxlab.settings import EffectSettings, Profile

MAX_BYTES = 256 * 1024
"""A profile larger than this is some other file."""

Section = TypeVar("Section")


@dataclass(frozen=True)
class ProfileInfo:
    """A profile that can be named.

    Args:
        name: As in `--profile NAME`.
        path: Its file.
        description: Its own line about itself, or what is wrong with it.
        origin: `user` or `packaged`.
    """

    name: str
    path: Path
    description: str
    origin: str


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a profile; `line` counts from 1 and is None where the whole file is meant."""

    path: Path
    line: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line}" if self.line else str(self.path)
        return f"{place}: {self.message}"


@dataclass
class Reading:
    """What one file says.

    Args:
        path: The file.
        profile: The settings, defaults where the file is silent or wrong.
        lines: Path of each key to its line, see `fxlab.toml.key_lines`.
        problems: All that is wrong, in the order of the file.
    """

    path: Path
    profile: Profile = field(default_factory=Profile)
    lines: dict[toml.Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def load(name_or_path: str | Path) -> Profile:
    """The settings of a profile, by name or path.

    Raises:
        UsageError: It can't be found or read, or something in it is wrong; the first problem is named with its line.
    """
    return load_reading(name_or_path).profile


def load_reading(name_or_path: str | Path) -> Reading:
    """As `load`, with the lines on which the settings stand."""
    reading = read(find(name_or_path))
    if reading.problems:
        first, others = reading.problems[0], len(reading.problems) - 1
        more = f" `fxlab profiles check` names {others} more." if others else ""
        raise UsageError(str(first), f"{first.hint}{more}".strip())
    return reading


def override(section: Section, **flags: object) -> Section:
    """A copy of a settings dataclass with every flag that was given (is not None) laid over it.

    Raises:
        UsageError: A wrong type or a value out of range.
    """
    given = {name: check(section, name, value) for name, value in flags.items() if value is not None}
    return dataclasses.replace(section, **given)  # type: ignore[type-var]


def find(name_or_path: str | Path) -> Path:
    """The file of a profile: a path as it is, a name in the user's folder, then among the packaged ones.

    Raises:
        UsageError: There is none.
    """
    text = str(name_or_path)
    if text.endswith(".toml") or Path(text).name != text or text in ("", ".", ".."):
        if text and Path(text).exists():
            return Path(text)
        raise UsageError(f"There is no profile file '{text}'.", "`fxlab profiles list` shows the profiles that have a name.")
    for folder, _ in _folders():
        if (folder / f"{text}.toml").is_file():
            return folder / f"{text}.toml"
    raise UsageError(f"There is no profile '{text}'.", nearest(text, names()))


def names() -> list[str]:
    """What `--profile` takes, sorted."""
    return sorted({path.stem for folder, _ in _folders() for path in folder.glob("*.toml")})


def available() -> list[ProfileInfo]:
    """Every profile that has a name, sorted; the user's own hide packaged ones of the same name."""
    found: dict[str, ProfileInfo] = {}
    for folder, origin in _folders():
        for path in sorted(folder.glob("*.toml")):
            if path.stem not in found and path.is_file():
                reading = read(path)
                says = f"can't be used: {reading.problems[0].message}" if reading.problems else reading.profile.description
                found[path.stem] = ProfileInfo(path.stem, path, says, origin)
    return sorted(found.values(), key=lambda info: info.name)


def user_folder() -> Path:
    """Where the user's own profiles live."""
    base = os.environ.get("XDG_CONFIG_HOME")
    if not base and sys.platform == "win32":
        base = os.environ.get("APPDATA")
    if not base and sys.platform == "darwin":
        base = "~/Library/Application Support"
    return Path(base or "~/.config").expanduser() / "fxlab" / "profiles"


def _folders() -> list[tuple[Path, str]]:
    package = Path(__file__).parent
    installed, checkout = package / "_profiles", package.parent / "profiles"
    return [(user_folder(), "user"), (installed if installed.is_dir() else checkout, "packaged")]


def read(path: Path) -> Reading:
    """Reads and checks one file; never raises for what is in it."""
    reading = Reading(path)
    try:
        document = toml.parse(text := _text(path))
    except UsageError as problem:
        line, _, rest = problem.message.partition(": ")
        number = int(line[5:]) if line.startswith("line ") and line[5:].isdigit() else None
        reading.problems.append(Problem(path, number, rest if number else problem.message, problem.hint))
        return reading
    reading.lines = toml.key_lines(text)
    _Reader(reading).profile(document)
    reading.problems.sort(key=lambda problem: problem.line or 0)
    return reading


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise UsageError("is a folder, not a profile.", "Name a .toml file.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as problem:
        raise UsageError(f"can't be read: {problem.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise UsageError("is too large for a profile.", f"Profiles are TOML text of at most {MAX_BYTES // 1024} KiB.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8 text.", "Profiles are TOML files; save it as UTF-8.") from None


class _Reader:
    """Lays a parsed document over the defaults, noting each problem with its line."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def profile(self, document: dict[str, Any]) -> None:
        profile = self._reading.profile
        for key, value in document.items():
            if key == "effects":
                self._effects(value)
            elif key in _SECTIONS and isinstance(value, dict):
                self._section(getattr(profile, key), value, (key,), f"[{key}]")
            elif key in _SECTIONS:
                self._note((key,), f"{key} must be a table, not {value!r}.", f"Write [{key}] and its settings below.")
            elif key == "description":
                self._setting(profile, key, value, (key,))
            else:
                self._note((key,), f"unknown setting '{key}'.", _where_it_belongs(key))

    def _section(self, section: Any, values: dict[str, Any], path: toml.Path, title: str) -> None:
        names = [known.name for known in dataclasses.fields(section)]
        for key, value in values.items():
            if key in names:
                self._setting(section, key, value, (*path, key))
            else:
                self._note((*path, key), f"unknown setting '{key}' in {title}.", nearest(key, names))

    def _setting(self, section: Any, key: str, value: object, path: toml.Path) -> None:
        self._try(path, lambda: setattr(section, key, check(section, key, value)))

    def _effects(self, stages: object) -> None:
        if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
            self._note(("effects",), "effects must be a list of tables.", "Write [[effects]] once for each stage of the chain.")
            return
        for index, values in enumerate(stages):
            stage = EffectSettings()
            self._section(stage, values, ("effects", index), "[[effects]]")
            if "name" not in values:
                self._note(("effects", index), "this effect has no name.", 'Add a line such as name = "saturator".')
            elif isinstance(values["name"], str):
                self._parameters(stage, ("effects", index, "set"))
            self._reading.profile.effects.append(stage)

    def _parameters(self, stage: EffectSettings, path: toml.Path) -> None:
        """Checks the name, and the parameters; a model file is looked at when it is opened."""
        from fxlab.effects.registry import effects
        from fxlab.engines.loader import MODEL_SUFFIXES, resolved
        from fxlab.shipped import SHIPPED

        known = {*effects(), *SHIPPED}
        if stage.name not in known:
            if not stage.name.lower().endswith(MODEL_SUFFIXES):
                self._note((*path[:-1], "name"), f"there is no effect or model '{stage.name}'.", nearest(stage.name, known))
            return
        for name, value in stage.set.items():
            self._try((*path, name), functools.partial(resolved, stage.name, {name: value}))

    def _try(self, path: toml.Path, action: Callable[[], object]) -> None:
        try:
            action()
        except UsageError as problem:
            self._note(path, problem.message, problem.hint)

    def _note(self, path: toml.Path, message: str, hint: str) -> None:
        line = self._reading.lines.get(path)
        while line is None and path:
            path = path[:-1]
            line = self._reading.lines.get(path)
        self._reading.problems.append(Problem(self._reading.path, line, message, hint))


_SECTIONS = {known.name: known for known in dataclasses.fields(Profile) if known.name not in ("description", "effects")}


def _where_it_belongs(key: str) -> str:
    """A hint for a key at the top level that is unknown there."""
    default = Profile()
    for name in _SECTIONS:
        if any(known.name == key for known in dataclasses.fields(getattr(default, name))):
            return f"It belongs below [{name}]."
    return nearest(key, [*_SECTIONS, "effects", "description"])
