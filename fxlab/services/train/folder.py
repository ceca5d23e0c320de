"""The folder of a training run: whether it may be used, and how a run is picked up from it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from fxlab.audio.atomic import output_error
from fxlab.audio.leftovers import claimed, new_token, temporary_path
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.models import checkpoint
from fxlab.models.ace_config import AceConfig
from fxlab.models.model import Card
from fxlab.settings import TrainSettings
from fxlab.training.ace_run import check_fit
from fxlab.training.loop import Run

BEST, LAST, AUTOMATON = "best.safetensors", "last.safetensors", "automaton.safetensors"
# What goes on with a run, or tells of it.
_BESIDE_BEST = (LAST, AUTOMATON, "report.json", "training.png", "quality.png", "sound.png", "equalisers.png")
# What may differ between a run and its resumption without making it another run.
_FREE_ON_RESUME = {"epochs", "device", "threads", "mixed_precision", "patience"}


class Request(Protocol):
    """What a folder needs to know of a request."""

    output: Path
    resume: bool
    force: bool


def forget(folder: Path) -> None:
    """Removes the checkpoints of a run."""
    for name in (LAST, BEST):
        (folder / name).unlink(missing_ok=True)


def leave_best(folder: Path) -> None:
    """Removes all of a run but its network, before another run's first checkpoint takes its place: nothing may mix the two."""
    for name in _BESIDE_BEST:
        (folder / name).unlink(missing_ok=True)


def check_output(request: Request) -> None:
    """Raises `UsageError` or `OutputError` where a run can't begin, or be resumed, in the output folder."""
    there = any((request.output / name).is_file() for name in (LAST, BEST))
    if request.resume and not (request.output / LAST).is_file():
        several = any(request.output.glob(f"seed-*/{LAST}"))
        hint = "It has runs of several seeds: say --seeds again." if several else "Leave --resume out to start one."
        raise UsageError(f"There is no run to resume in {request.output}.", hint)
    if there and not (request.resume or request.force):
        raise UsageError(
            f"{request.output} already holds a run.", "Go on with --resume, start over with --force, or choose another -o."
        )
    if os.path.lexists(request.output) and not request.output.is_dir():
        raise OutputError(f"{request.output} is a file, not a folder.", "Choose another -o.")


def check_several(request: Request, folders: Sequence[Path]) -> None:
    """What `check_output` checks of one folder, of several below the output, before any run begins."""
    if os.path.lexists(request.output) and not request.output.is_dir():
        raise OutputError(f"{request.output} is a file, not a folder.", "Choose another -o.")
    if request.resume:
        if not any((folder / LAST).is_file() for folder in folders):
            raise UsageError(f"There are no such runs to resume in {request.output}.", "Leave --resume out to start.")
    elif not request.force and any((folder / name).is_file() for folder in (request.output, *folders) for name in (LAST, BEST)):
        raise UsageError(
            f"{request.output} already holds a run.", "Go on with --resume, start over with --force, or choose another -o."
        )


def make_writable(folder: Path) -> None:
    """Makes the run folder and finds out before hours of training whether it can be written; raises `OutputError`."""
    probe = temporary_path(folder / LAST, new_token())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with claimed(probe):
            probe.write_bytes(b"\0")
            probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink()
        raise output_error(folder, error) from error


def restore(state: Run, path: Path, card: Card, settings: TrainSettings) -> None:
    """Takes a run back from its file; raises `UsageError` if it was made otherwise and `InputError` if it is damaged."""
    network, old_card, tensors, record = checkpoint.load(path)
    before = record.pop("settings", {}) if isinstance(record, dict) else None
    if not isinstance(before, dict):
        raise InputError(f"{path} can't be resumed.", "Start over with --force.")
    if old_card["model"] != card["model"]:
        before, now = (f"{model.get('type')} {model.get('size')}" for model in (old_card["model"], card["model"]))
        what = f"a {before}, not a {now}" if before != now else f"another {now}"
        raise UsageError(f"The run's network is {what}.", "Give the same model and size, or start over with --force.")
    if record.pop("dataset", None) != card["data"]["manifest_sha256"]:
        raise UsageError("The run was made with another dataset.", "Name the same, or start over with --force.")
    bound = {name: value for name, value in dataclasses.asdict(settings).items() if name not in _FREE_ON_RESUME}
    changed = [name for name, value in bound.items() if before.get(name, value) != value]  # older runs lack younger settings
    if changed:
        raise UsageError(
            f"The run was made with another {', '.join(changed)}: {', '.join(f'{k}={before.get(k)}' for k in changed)}.",
            "Resume with the same settings, or start over with --force.",
        )
    state.model.load_state_dict(network.state_dict())
    try:
        state.restore(tensors, record)
        if isinstance(state.model.config, AceConfig):
            check_fit(state)
    except (KeyError, ValueError, TypeError, IndexError, RuntimeError):
        raise InputError(f"{path} can't be resumed.", "Start over with --force.") from None
