"""The training inside `fxlab grow`: in a folder beside the output, which goes when all is written."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from fxlab.audio.atomic import output_error, remove_folder
from fxlab.errors import FxlabError, InputError, OutputError, UsageError
from fxlab.progress import Progress
from fxlab.services.grow.plan import Plan
from fxlab.services.grow.request import Request
from fxlab.timbre.table import read_csv

if TYPE_CHECKING:
    from fxlab.services.train.instrument import Result

MARK = "grow.txt"
_SAYS = "`fxlab grow` learns an instrument here. The same command goes on where it was; the folder goes when all is written.\n"
_ANOTHER = "Move it away, or choose another name with -o."


def check_run(folder: Path) -> None:
    """Raises `UsageError` where the run's folder is somebody else's, who would lose it at the end; `OutputError` for a file."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} is a file, but the training needs a folder of that name.", _ANOTHER)
    if folder.is_dir() and not (folder / MARK).is_file() and any(folder.iterdir()):
        raise UsageError(f"{folder} holds something else than a training of `fxlab grow`.", _ANOTHER)


def learn(request: Request, found: Plan, progress: Progress) -> tuple[Result, list[str]]:
    """Learns the recordings, going on with a training that was interrupted if it is the same.

    Returns:
        What the training tells of itself, and remarks.

    Raises:
        FxlabError: As `fxlab.services.train.instrument.run`.
    """
    from fxlab.services.train import instrument as train_instrument
    from fxlab.services.train.folder import LAST

    try:
        found.run.mkdir(parents=True, exist_ok=True)
        (found.run / MARK).write_text(_SAYS, encoding="utf-8")
    except OSError as error:
        raise output_error(found.run, error) from error
    options = {
        "model": request.model,
        "settings": request.training,
        "grow": request.grow,
        "minutes": request.minutes,
        "profile": request.profile,
        "tracker": read_csv(request.f0) if request.f0 is not None and request.followed is None else None,
    }
    recordings, remarks = list(found.recordings), []
    if (found.run / LAST).is_file():
        try:
            resumed = train_instrument.Request(recordings, found.run, resume=True, **options)
            return train_instrument.run(resumed, progress), ["Went on with the training that was interrupted."]
        except (UsageError, InputError) as error:
            remarks = [f"The training in {found.run} was begun anew. {error.message}"]
    try:
        fresh = train_instrument.Request(recordings, found.run, force=True, **options)
        return train_instrument.run(fresh, progress), remarks
    except FxlabError:
        if not (found.run / LAST).is_file():
            forget(found.run)  # nothing was learnt
        raise


def forget(folder: Path) -> None:
    """Removes the training's folder, if it is one."""
    if (folder / MARK).is_file():
        with contextlib.suppress(OutputError):
            remove_folder(folder)
