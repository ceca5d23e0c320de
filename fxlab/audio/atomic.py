"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from fxlab.errors import OutputError


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


def temporary_path(path: Path, token: str) -> Path:
    """Where `path` is written until it is whole: a hidden file beside it."""
    return path.with_name(f".fxlab-{token}-{path.name}")


@contextlib.contextmanager
def replacing(path: Path, token: str | None = None) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well and vanishes otherwise.

    Args:
        path: The file to write.
        token: Part of the temporary name; given by whoever must be able to clear up after a process that was killed.

    Raises:
        OutputError: The folder can't be written, or the disk is full.
    """
    path = Path(path)
    temporary = temporary_path(path, token or secrets.token_hex(6))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
