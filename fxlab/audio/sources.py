"""Which audio files the user means by files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fxlab.errors import InputError

SUFFIXES = (".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf")
"""What counts as audio inside a folder; a file named by itself may be called anything."""


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        path: Where it is.
        relative: Its place below the folder that was named; just its name when the file was named itself.
    """

    path: Path
    relative: Path


def sources(inputs: Sequence[str | Path], missing_ok: bool = False) -> list[Source]:
    """The files behind `inputs`: in the order named, sorted within a folder or pattern, no file twice, hidden ones left out.

    Args:
        inputs: Files, folders (searched all the way down) and patterns (`*`, `?`, `[...]`, `**`).
        missing_ok: A file that doesn't exist is passed on, for the reader to report, instead of stopping here.

    Raises:
        InputError: Nothing is named, something named isn't there, or there is no audio in a folder or under a pattern.
    """
    found: dict[str, Source] = {}
    for given in inputs:
        for source in _sources_of(Path(given), missing_ok):
            found.setdefault(os.path.realpath(source.path), source)
    if not found:
        raise InputError("No audio file was named.", "Name files, folders or patterns such as 'takes/*.wav'.")
    return list(found.values())


def expand(inputs: Sequence[str | Path]) -> list[Path]:
    """The files behind `inputs` as `sources` finds them; raises `InputError` if one isn't there."""
    return [source.path for source in sources(inputs)]


def _sources_of(given: Path, missing_ok: bool) -> list[Source]:
    if os.path.isdir(given):  # unlike `is_dir` false, not an error, where a name is too long
        inside = list(_below(given))
        if not inside:
            raise InputError(
                f"There is no audio file in the folder {given}.", "It looks for wav, flac, ogg, opus, mp3 and aiff files."
            )
        return inside
    if os.path.lexists(given):
        return [Source(given, Path(given.name))]
    if glob.has_magic(str(given)):
        matches = [Path(name) for name in sorted(glob.glob(str(given), recursive=True))]
        inside = [Source(path, Path(path.name)) for path in matches if path.is_file() and _is_audio(path)]
        for folder in matches:
            # `**` lists the folders below by itself; only folders that a plain pattern names are searched.
            if folder.is_dir() and "**" not in given.parts:
                inside.extend(Source(source.path, folder.name / source.relative) for source in _below(folder))
        if not inside:
            raise InputError(f"No audio file matches {given}.", "Check the pattern and the folder you are in.")
        return inside
    if missing_ok:
        return [Source(given, Path(given.name))]
    raise InputError(f"There is no file {given}.", "Check its name; folders and patterns such as 'takes/*.wav' work too.")


def _below(folder: Path) -> Iterator[Source]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(here) / name
            if _is_audio(path):
                yield Source(path, path.relative_to(folder))


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
