"""What `fxlab profiles` answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fxlab import profiles
from fxlab.errors import UsageError
from fxlab.profiles import Problem, ProfileInfo, Reading
from fxlab.wording import counted


@dataclass(frozen=True)
class Listing:
    """All profiles that have a name."""

    profiles: list[ProfileInfo]
    user_folder: Path

    def to_json(self) -> dict:
        rows = [{**dataclasses.asdict(info), "path": str(info.path)} for info in self.profiles]
        return {"profiles": rows, "user_folder": str(self.user_folder)}


@dataclass(frozen=True)
class Setting:
    """One resolved setting; `line` is where the profile says so, None for a default."""

    section: str
    name: str
    value: Any
    line: int | None
    help: str


@dataclass(frozen=True)
class Settings:
    """A profile with everything it leaves at its default."""

    path: Path
    description: str
    settings: list[Setting]

    def to_json(self) -> dict:
        rows = [
            {
                "section": row.section,
                "name": row.name,
                "value": row.value,
                "from": "default" if row.line is None else "profile",
                "line": row.line,
            }
            for row in self.settings
        ]
        return {"path": str(self.path), "description": self.description, "settings": rows}


@dataclass(frozen=True)
class Check:
    """What checking some files found."""

    readings: list[Reading]

    @property
    def problems(self) -> list[Problem]:
        return [problem for reading in self.readings for problem in reading.problems]

    def to_json(self) -> dict:
        return {
            "files": [
                {
                    "path": str(reading.path),
                    "ok": not reading.problems,
                    "problems": [{"line": p.line, "message": p.message, "hint": p.hint} for p in reading.problems],
                }
                for reading in self.readings
            ]
        }


def listing() -> Listing:
    """The named profiles and where users keep theirs."""
    return Listing(profiles.available(), profiles.user_folder())


def settings_of(name: str) -> Settings:
    """All settings of a profile by name or path; raises `UsageError` as `fxlab.profiles.load`."""
    reading = profiles.load_reading(name)
    return Settings(reading.path, reading.profile.description, list(_settings(reading)))


def _settings(reading: Reading) -> Iterator[Setting]:
    profile = reading.profile
    for index, stage in enumerate(profile.effects):
        yield from _section(reading, stage, ("effects", index), f"effects {index + 1}")
    for known in dataclasses.fields(profile):
        if known.name not in ("description", "effects"):
            yield from _section(reading, getattr(profile, known.name), (known.name,), known.name)


def _section(reading: Reading, section: Any, path: tuple[str | int, ...], title: str) -> Iterator[Setting]:
    for known in dataclasses.fields(section):
        line = reading.lines.get((*path, known.name))
        if isinstance(section, profiles.EffectSettings) and known.name == "set":
            yield from _parameters(reading, section, (*path, "set"), title)
        else:
            yield Setting(title, known.name, getattr(section, known.name), line, known.metadata["help"])


def _parameters(reading: Reading, stage: Any, path: tuple[str | int, ...], title: str) -> Iterator[Setting]:
    """All parameters with their defaults; of a model's file, which may not be there, only those that the profile gives."""
    from fxlab.effects.registry import effects
    from fxlab.engines.loader import parameters_of, resolved
    from fxlab.shipped import SHIPPED

    known = stage.name in effects() or stage.name in SHIPPED
    values = resolved(stage.name, stage.set) if known else stage.set
    helps = {parameter.name: parameter.help for parameter in parameters_of(stage.name)} if known else {}
    for name, value in values.items():
        yield Setting(title, f"set.{name}", value, reading.lines.get((*path, name)), helps.get(name, ""))


def check(files: Sequence[Path]) -> Check:
    """Reads all files; a missing one is a problem like any other."""
    return Check([profiles.read(Path(file)) for file in files])


def require_sound(result: Check) -> None:
    """Raises `UsageError` if any of the files has a problem."""
    if result.problems:
        bad = sum(bool(reading.problems) for reading in result.readings)
        files = f"{bad} of {len(result.readings)} files" if len(result.readings) > 1 else str(result.readings[0].path)
        raise UsageError(f"{counted(len(result.problems), 'problem')} in {files}.", "Each is told above, with its line.")
