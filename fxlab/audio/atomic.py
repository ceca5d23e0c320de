"""Files and folders appear whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from fxlab.audio.leftovers import claimed, new_token, temporary_path, tidy
from fxlab.errors import OutputError

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux


def output_error(path: Path, error: OSError) -> OutputError:
    """What an `OSError` while writing `path` means to the user."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next((place for place in (path, *path.parents) if place.exists() and not place.is_dir()), path)
        return OutputError(f"Can't write {path}: {file} is a file, not a folder.", "Choose another place with -o.")
    return OutputError(f"Can't write {path}: {error.strerror or error}.", "Choose another place with -o, or make room there.")


def require_place(path: Path) -> None:
    """Raises `OutputError` where the folder of `path` can't be written, as far as that shows without writing."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise OutputError(f"Can't write {path}: {folder} isn't a folder that can be written to.", "Choose another place.")


@contextlib.contextmanager
def replacing(
    path: Path, token: str | None = None, keep: bool = False, written: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """An empty temporary file beside `path` that takes its place when the block ends well and vanishes otherwise.

    Args:
        path: The file to write.
        token: Part of the temporary name; given by whoever must be able to clear up after a process that was killed.
        keep: Leave the temporary file where the block ends badly.
        written: Is called when all is on the disk, before it takes its place.

    Raises:
        OutputError: The folder can't be written, or the disk is full.
    """
    path = Path(path)
    temporary = temporary_path(path, token or new_token())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tidy(path.parent)
        with claimed(temporary):
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            written()
            os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        if not keep:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """An empty temporary folder beside `path` that takes its place when the block ends well and vanishes otherwise.

    Raises:
        OutputError: The place can't be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))  # a link stays one, and what it leads to is replaced
    temporary = temporary_path(path, new_token())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tidy(path.parent)
        with claimed(temporary, folder=True):
            yield temporary
            _put(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Removes a folder at once, so that no part of it is ever seen in its place; raises `OutputError`."""
    temporary = temporary_path(path, new_token())
    try:
        path.rename(temporary)
    except OSError as error:
        raise output_error(path, error) from error
    shutil.rmtree(temporary, ignore_errors=True)


def _put(temporary: Path, path: Path) -> None:
    """Brings a folder into its place; what was there goes, or trades places with it where the system can do that at once."""
    there = path.exists()
    if there and _exchanged(temporary, path):
        return
    aside = path.with_name(f".{path.name}.fxlab-old")  # no name that is tidied: a killed process leaves all that there was in it
    if there:
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    try:
        temporary.rename(path)
    except OSError:
        if there:
            aside.rename(path)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        rename = ctypes.CDLL(None).renameat2
    except AttributeError:  # glibc before 2.28
        return False
    return rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), ctypes.c_uint(_EXCHANGE)) == 0
