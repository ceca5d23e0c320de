"""What the pages of all verbs share: where one may go, and that a page which can't be made costs nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fxlab.errors import FxlabError, UsageError
from fxlab.pages.page import check_page, write
from fxlab.pages.parts import Page, Table
from fxlab.wording import told

MOST_HEARD = 6
"""Files of which a page has more than a row of a table."""

_LONGEST_S, _SHORTEST_S, _ALL_S = 12.0, 3.5, 28.0


def check_place(path: Path, others: Iterable[Path | str], force: bool) -> None:
    """Raises `UsageError` where a page can't go to `path`, such as onto one of the `others`, which a run reads or writes;
    `OutputError` where its folder can't be written."""
    if os.path.realpath(path) in {os.path.realpath(other) for other in others}:
        raise UsageError(f"--html {path} is another file of this run.", "Choose another name.")
    check_page(path, force)


def attempt(path: Path, page: Callable[[], Page], force: bool) -> FxlabError | None:
    """Makes and writes a page after all else is done; returns what went wrong, for whoever ends the run to tell."""
    try:
        write(page(), path, force)
    except FxlabError as error:
        return error
    except Exception as error:  # a fault of ours, which mustn't cost a result that is there
        failed = FxlabError(f"The page can't be made: {type(error).__name__}: {error}.", "All else is done; please report this.")
        failed.__cause__ = error
        return failed
    return None


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], note: str = "") -> Table:
    """A table of any values, each as `fxlab.wording.told` tells it."""
    return Table(title, columns, [[told(value) for value in row] for row in rows], note)


def seconds_heard(versions: int) -> float:
    """How long each sound of a page may be, given how many there are: all together should leave it under 5 MB."""
    return min(_LONGEST_S, max(_SHORTEST_S, _ALL_S / max(1, versions)))
