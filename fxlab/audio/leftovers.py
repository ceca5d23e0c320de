"""Temporary files and folders: locked by whoever writes them, so that what a killed process left can be told, and removed.

Without locks (Windows, some network drives) nothing is removed: what is left there may be in work.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_OURS = re.compile(r"\.fxlab-[0-9a-f]{12}[.0-9a-f]*-.+", re.ASCII)
_IRREPLACEABLE = re.compile(r"\.fxlab-rec-[0-9a-f]{12}-(.+)", re.ASCII)
_LEAST = 4096  # bytes; less is hardly more than a header
_tidied: set[str] = set()


def new_token() -> str:
    """A part of a temporary name that no other has."""
    return secrets.token_hex(6)


def irreplaceable_token() -> str:
    """The same for what can't be made again, and so isn't removed: `rescued` finds it."""
    return f"rec-{new_token()}"


def temporary_path(path: Path, token: str) -> Path:
    """Where `path` is written until it is whole: a hidden file beside it."""
    return path.with_name(f".fxlab-{token}-{path.name}")


@contextlib.contextmanager
def claimed(path: Path, folder: bool = False) -> Iterator[None]:
    """Makes an empty file, or folder, that is this process's until the block ends or the process does; raises `OSError`."""
    while True:
        path.mkdir() if folder else path.open("xb").close()
        with contextlib.ExitStack() as stack:
            if fcntl is None or _locked(path, stack, wait=True):
                yield
                return


def tidy(folder: Path) -> None:
    """Removes what processes that were killed left in a folder; looks into each folder only once."""
    place = os.path.realpath(folder)
    if fcntl is None or place in _tidied:
        return
    _tidied.add(place)
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _OURS.fullmatch(entry.name):
                _remove_unclaimed(Path(entry.path))


def rescued(folder: Path) -> list[Path]:
    """Gives what can't be made again, and was being written when its process was killed, a name that is seen; all such files."""
    found = []
    for path in sorted(folder.glob(".fxlab-rec-*")) if fcntl is not None else []:
        named = _IRREPLACEABLE.fullmatch(path.name)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if named and _locked(path, stack, wait=False):
                if path.stat().st_size < _LEAST:
                    path.unlink()
                    continue
                name = Path(named[1])
                places = (folder / f"{name.stem}.cut-off{number or ''}{name.suffix}" for number in itertools.count())
                found.append(path.rename(next(place for place in places if not place.exists())))
    return found


def _remove_unclaimed(path: Path) -> None:
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        if _locked(path, stack, wait=False):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _locked(path: Path, stack: contextlib.ExitStack, wait: bool) -> bool:
    """Whether `path` is locked for as long as the stack is open: not if it has been removed meanwhile.

    With `wait` a lock that the drive doesn't know counts as one, else it raises `OSError`, as one that another process has.
    """
    try:
        # Some drives lock exclusively only what is open for writing, which a folder can't be.
        file = os.open(path, (os.O_RDONLY if path.is_dir() else os.O_RDWR) | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    stack.callback(os.close, file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if not wait:
            raise
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
