"""The files `bench` writes: a row per cell as CSV, and a picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from fxlab.audio.atomic import replacing, require_place
from fxlab.errors import UsageError
from fxlab.services.bench_report import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = (".png", ".svg", ".pdf")


def require_writable(path: Path | None, force: bool) -> None:
    """Finds out before a minute of measuring whether a file can be written.

    Raises:
        UsageError: It exists and `force` is off, or is a folder.
        OutputError: Its folder can't be written.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder.", "Name a file in it.")
    if path.exists() and not force:
        raise UsageError(f"{path} exists.", "Choose another name, or overwrite it with --force.")
    require_place(path)


def require_picture(path: Path | None) -> None:
    """Raises `UsageError` where `path` isn't named as a picture."""
    if path is not None and path.suffix.lower() not in PICTURES:
        raise UsageError(f"{path} isn't named as a picture.", f"Choose one of: {', '.join(PICTURES)}.")


def write_csv(result: Result, path: Path) -> None:
    """All cells: times in seconds, intervals in `_low` and `_high`, empty where something wasn't measured."""
    rows = result.rows()
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_plot(figure: Figure, path: Path) -> None:
    """A drawing in the format that the file's name says."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower()[1:], dpi=150)
