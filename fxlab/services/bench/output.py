"""The files `bench` writes: a row per cell as CSV, a picture, and a page."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fxlab.audio.atomic import replacing, require_place
from fxlab.audio.writer import check_vacant
from fxlab.pages.parts import Page, Picture
from fxlab.services.bench.report import Result
from fxlab.services.drawing import as_written, check_suffix, save
from fxlab.services.pages import attempt, check_place

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Found = TypeVar("Found")


def require_writable(path: Path | None, force: bool) -> None:
    """Finds out before a minute of measuring whether a file can be written.

    Raises:
        UsageError: It exists and `force` is off, or is a folder.
        OutputError: Its folder can't be written.
    """
    if path is not None:
        check_vacant(path, force)
        require_place(path)


def require_picture(path: Path | None) -> None:
    """Raises `UsageError` where `path` isn't named as a picture."""
    if path is not None:
        check_suffix(path)


def write_csv(result: Result, path: Path) -> None:
    """All cells: times in seconds, intervals in `_low` and `_high`, empty where something wasn't measured."""
    rows = result.rows()
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_plot(figure: Figure, path: Path) -> None:
    """A drawing in the format that the file's name says."""
    save(figure, path, dpi=150)


def require_page(path: Path | None, others: Sequence[Path | None], force: bool) -> None:
    """Finds out beforehand whether a page can go to `path`, which must be none of the `others`, files that are read or written;
    raises as `fxlab.services.pages.check_place` does."""
    if path is not None:
        check_place(path, [other for other in others if other is not None], force)


def with_page(result: Found, path: Path | None, page: Callable[[], Page], force: bool) -> Found:
    """A suite's result after its page was written, if there is to be one; what went wrong is in its `html_error`."""
    if path is None:
        return result
    error = attempt(path, page, force)
    return dataclasses.replace(result, html=None if error else path, html_error=error)


def picture(title: str, figure: Figure, alt: str, note: str = "") -> Picture:
    """A drawing as part of a page."""
    file = io.BytesIO()
    as_written(figure).savefig(file, format="svg", metadata={"Date": None})
    return Picture(title, file.getvalue(), alt, note)
