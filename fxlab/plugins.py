"""What other packages add to fxlab through entry points: known by name, loaded when it is used, and never fxlab's undoing."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from fxlab.errors import FxlabError, MissingError, UsageError, nearest

T = TypeVar("T")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


class Registry(Mapping[str, T]):
    """All that there is of one kind, by name: what comes with fxlab, then what installed packages add.

    To look at names imports nothing of other packages. To ask for one of theirs loads it, and raises `MissingError`, which names
    the package, where that fails or gives something else than it must.

    Args:
        group: Entry points where others add theirs, such as "fxlab.effects".
        what: What one is called in messages.
        built_in: What comes with fxlab, which nobody can replace.
        check: Takes what an entry point named; raises `TypeError` or `ValueError`, which say why that can't be.
        taken: More names that are taken.

    Attributes:
        refused: Name to the reason why a package's entry of that name is left out.
    """

    def __init__(
        self, group: str, what: str, built_in: Mapping[str, T], check: Callable[[Any, str], None], taken: Iterable[str] = ()
    ) -> None:
        self._what, self._check = what, check
        self._loaded = dict(built_in)
        self._entries: dict[str, EntryPoint] = {}
        self.refused: dict[str, str] = {}
        taken = {*taken, *built_in}
        for entry in sorted(entry_points(group=group), key=_package):
            reason = self._refusal(entry, taken)
            if reason:
                self.refused[entry.name] = reason
            else:
                self._entries[entry.name] = entry
        for name in self.refused:
            self._entries.pop(name, None)

    def __getitem__(self, name: str) -> T:
        if name in self._loaded:
            return self._loaded[name]
        entry = self._entries[name]
        try:
            found: T = entry.load()
            self._check(found, name)
        except (Exception, SystemExit) as error:  # whatever another package does while it is imported
            raise MissingError(
                f"The {self._what} '{name}' of the package {_package(entry)} can't be used: {_reason(error)}",
                f"Update the package, or remove it: `pip uninstall {_package(entry)}`.",
            ) from error
        self._loaded[name] = found
        return found

    def __iter__(self) -> Iterator[str]:
        yield from (name for name in self._loaded if name not in self._entries)
        yield from self._entries

    def __len__(self) -> int:
        return len(self._loaded.keys() | self._entries.keys())

    def __contains__(self, name: object) -> bool:
        return name in self._loaded or name in self._entries

    def named(self, name: str, alternatives: Iterable[str] = ()) -> T:
        """The one called so.

        Args:
            alternatives: Further names that may be meant instead.

        Raises:
            UsageError: There is none; the nearest name is told.
            MissingError: A package adds it in a form that can't be used.
        """
        if name in self:
            return self[name]
        if name in self.refused:
            raise MissingError(self.refused[name], "Its makers can give it another name.")
        raise UsageError(f"There is no {self._what} '{name}'.", nearest(name, [*self, *alternatives]))

    def working(self) -> tuple[dict[str, T], list[str]]:
        """All that can be used, by name, and a sentence on everything that can't."""
        found, problems = {}, list(self.refused.values())
        for name in self:
            try:
                found[name] = self[name]
            except FxlabError as error:
                problems.append(error.message)
        return found, problems

    def refuse(self, name: str, error: Exception) -> None:
        """Leaves out one of a package's that failed when it was used; raises the error if it is fxlab's own."""
        entry = self._entries.pop(name, None)
        if entry is None:
            raise error
        self._loaded.pop(name, None)
        self.refused[name] = f"The {self._what} '{name}' of the package {_package(entry)} can't be used: {_reason(error)}"

    def _refusal(self, entry: EntryPoint, taken: set[str]) -> str | None:
        mine = f"The {self._what} '{entry.name}' of the package {_package(entry)} is left out"
        if not _NAME.fullmatch(entry.name):
            return f"{mine}: a name is made of letters, digits, - and _, and begins with a letter."
        if entry.name in taken:
            return f"{mine}: fxlab has something of that name."
        other = self._entries.get(entry.name)
        return f"{mine}, and so is that of {_package(other)}: both have the same name." if other else None


def load(path: str) -> Any:
    """What "module:name" stands for; raises `MissingError` where there is no such thing or it can't be imported."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # whatever another package does while it is imported
        raise MissingError(
            f"{path} can't be loaded: {_reason(error)}", f"Install {module.partition('.')[0]} again, or update it."
        ) from error


def _package(entry: EntryPoint) -> str:
    module = entry.value.partition(":")[0]
    try:
        return (entry.dist and entry.dist.name) or module
    except Exception:  # damaged metadata, which each version of importlib's finders tells in its own way
        return module


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
