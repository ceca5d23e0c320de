"""What is already there: a finished dataset or the journal of an interrupted one, and how it differs from what is wanted."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import output_error, replacing
from fxlab.errors import FxlabError, InputError, OutputError, UsageError
from fxlab.settings import DatasetSettings
from fxlab.training.manifest import NAME, Manifest, check_header, check_row, parse_line

JOURNAL = "pairs.partial.jsonl"
DRY, WET = "dry.wav", "wet.wav"
"""A recording that was made for the dataset, beside it."""

_OURS = re.compile(r"[0-9a-f]{20}\.(?:input|target)\.wav|\.fxlab-.*", re.ASCII)
_AROUND = re.compile("|".join([*map(re.escape, ("pairs", NAME, JOURNAL, DRY, WET)), r"\.fxlab-.*"]))


class Journal:
    """The rows finished so far, on disk after every rendering; the first line is the header of the dataset to be."""

    def __init__(self, directory: Path, header: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
        self.path = directory / JOURNAL
        with replacing(self.path) as path:
            path.write_text(_lines([header, *rows]), "utf-8")
        try:
            self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise output_error(self.path, error) from error

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Appends rows; raises `OutputError`."""
        try:
            self._file.write(_lines(rows))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise output_error(self.path, error) from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def read_journal(directory: Path) -> Manifest | None:
    """The unfinished dataset in `directory`, without what a sudden end left damaged; None where there is none."""
    path = directory / JOURNAL
    rows: list[dict[str, Any]] = []
    try:
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, 1):
            row = parse_line(path, number, line)
            if number > 1:
                check_row(path, number, row)
            else:
                check_header(path, row)
            rows.append(row)
    except FileNotFoundError:
        return None
    except (InputError, OSError):
        pass  # the line being written when the run was killed: everything before it counts
    return Manifest(directory, rows[0], rows[1:]) if rows else None


def require_ours(directory: Path) -> None:
    """Raises `OutputError` if `directory` is a file, can't be read, or holds anything but a dataset."""
    pairs = directory / "pairs"
    try:
        if not directory.exists():
            return
        others = sorted(entry.name for entry in directory.iterdir() if not _AROUND.fullmatch(entry.name))
        foreign = sorted(entry.name for entry in pairs.iterdir() if not _OURS.fullmatch(entry.name)) if pairs.exists() else []
    except OSError as error:
        raise output_error(directory, error) from error
    known = (directory / NAME).exists() or (directory / JOURNAL).exists()
    if foreign or (others and not known):
        found = f"pairs/{foreign[0]}" if foreign else others[0]
        raise OutputError(f"{directory} is not empty and not a dataset (it has {found}).", "Name a new or empty folder with -o.")


def reusable(directory: Path, header: Mapping[str, Any], force: bool) -> list[dict[str, Any]]:
    """The rows of an earlier run that can be kept.

    An interrupted run of the same dataset is always continued; a finished one is only checked, and made anew with `force`.

    Raises:
        InputError: The dataset there was made from other recordings.
        UsageError: It was made with other settings or effects.
    """
    unfinished = read_journal(directory)
    if unfinished and not differences(unfinished.header, header):
        return unfinished.rows
    if force:
        return []
    if unfinished:
        _refuse(directory, differences(unfinished.header, header), "An unfinished dataset")
    try:
        finished = Manifest.load(directory)
    except FxlabError as error:
        if not (directory / NAME).exists():
            return []
        raise InputError(error.message, "Make it anew with --force.") from None
    found = differences(finished.header, header)
    if found:
        _refuse(directory, found, "A dataset")
    return finished.rows


def _refuse(directory: Path, found: Mapping[str, list[str]], what: str) -> None:
    kind = InputError if set(found) == {"sources"} else UsageError
    changes = "; ".join(change for changes in found.values() for change in changes)
    raise kind(f"{what} is in {directory} already, and this one would differ: {changes}.", "Make it anew with --force.")


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[str]]:
    """What sets two datasets' headers apart: kind of change ("sources", "effects", "settings", "rate") to sentences."""
    found: dict[str, list[str]] = {}
    if old.get("sample_rate_hz") != new["sample_rate_hz"]:
        found["rate"] = [f"the sample rate was {old.get('sample_rate_hz')}, now {new['sample_rate_hz']}"]
    # A setting that an older fxlab didn't know stood at what is its default now.
    before, after = dataclasses.asdict(DatasetSettings()) | (old.get("settings") or {}), new["settings"]
    changed = [name for name in after if before.get(name) != after[name]]
    if changed:
        found["settings"] = [f"{name} was {_shown(before.get(name))}, now {_shown(after[name])}" for name in changed]
    if old.get("effects") != new["effects"]:
        found["effects"] = _effect_changes(old.get("effects") or [], new["effects"])
    before = {row["sha256"]: row for row in old.get("sources") or [] if _is_source(row)}
    after = {row["sha256"]: row for row in new["sources"]}
    if set(before) != set(after):
        found["sources"] = _source_changes(before, after)
    return found


def _shown(value: object) -> str:
    text = str(value or ("false" if value is False else "none"))
    return text if len(text) <= 40 else f"{text[:37]}..."


def _effect_changes(old: list[dict], new: list[dict]) -> list[str]:
    names = [[stage["name"] for stage in chain] for chain in (old, new)]
    if names[0] != names[1]:
        return [f"the effects were {' + '.join(names[0])}, now {' + '.join(names[1])}"]
    changes = []
    for a, b in zip(old, new, strict=True):
        values = a.get("parameters") or {}, b["parameters"]
        changes += [f"{b['name']}'s {k} was {values[0].get(k)}, now {v}" for k, v in values[1].items() if values[0].get(k) != v]
        if a.get("engine") != b["engine"]:
            changes.append(f"{b['name']} was run by {a.get('engine')}, now {b['engine']}")
        elif a.get("definition") != b["definition"]:
            changes.append(f"{b['name']} itself has changed since")
    return changes


def _is_source(row: object) -> bool:
    return isinstance(row, dict) and all(isinstance(row.get(key), str) for key in ("source", "sha256"))


def _source_changes(old: Mapping[str, dict], new: Mapping[str, dict]) -> list[str]:
    gone = {old[sha]["source"] for sha in old if sha not in new}
    come = {new[sha]["source"] for sha in new if sha not in old}
    groups = ((gone & come, "changed"), (gone - come, "gone"), (come - gone, "new"))
    return [f"{_few(sorted(names))} {'is' if len(names) == 1 else 'are'} {what}" for names, what in groups if names]


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def finish(manifest: Manifest) -> None:
    """Makes a dataset of the pairs that are there: writes the manifest and removes what no row needs."""
    manifest.write()
    with contextlib.suppress(OSError):
        (manifest.directory / JOURNAL).unlink()
    sweep_up(manifest.directory, manifest.rows)


def sweep_up(directory: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Removes recordings of earlier runs that no row names, and what a killed run left half-written."""
    named = {row[key] for row in rows for key in ("input", "target")}
    for path in (directory / "pairs").iterdir():
        if f"pairs/{path.name}" not in named and _OURS.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()
