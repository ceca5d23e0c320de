"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from fxlab.errors import OutputError


def output_error(path: Path, error: OSError) -> OutputError:
    """What an `OSError` while writing `path` means to the user."""
    return OutputError(f"Can't write {path}: {error.strerror or error}.", "Choose another place with -o, or make room there.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well and vanishes otherwise.

    Raises:
        OutputError: The folder can't be written, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".fxlab-{secrets.token_hex(6)}-{path.name}")
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
