"""Training on audio alone: a dataset whose targets are its inputs, or these without noise, made in the run's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from fxlab.errors import InputError, UsageError
from fxlab.services.dataset import service as dataset
from fxlab.services.dataset.state import JOURNAL
from fxlab.settings import DatasetSettings
from fxlab.training.losses import loss
from fxlab.training.manifest import NAME

FOLDER = "dataset"


def given_dataset(inputs: Sequence[str | Path]) -> Path | None:
    """The dataset that is meant; None where it is audio; raises `UsageError` for more than one."""
    found = [Path(given) for given in inputs if any((Path(given) / name).is_file() for name in (NAME, JOURNAL))]
    if found and len(inputs) > 1:
        raise UsageError(
            f"{found[0]} is a dataset, which is trained on alone.", "Name one dataset, or files and folders of audio."
        )
    return found[0] if found else None


def dataset_request(
    inputs: Sequence[str | Path], output: Path, minimised: str, settings: DatasetSettings, rate_hz: int, force: bool
) -> dataset.Request:
    """What to make of audio before training on it.

    Args:
        inputs: Files, folders and globs.
        output: The run's folder, in which it is made.
        minimised: The loss.
        settings: Levels, chunks, shares, noise; what varies an effect is left out.
        rate_hz: The dataset's sample rate.
        force: Replace the one of another run.

    Raises:
        UsageError: The loss is unknown, or asks for more than audio alone.
        InputError: A file or folder that isn't there.
    """
    loss(minimised)
    for given in map(Path, inputs):
        if not given.exists() and not any(sign in str(given) for sign in "*?["):
            raise InputError(f"There is no {given}.", "Name a dataset that `fxlab dataset` made, or audio.")
        if given.is_dir() and not any(path.is_file() for path in given.rglob("*")):
            raise InputError(f"{given} is empty.", "Name a dataset that `fxlab dataset` made, or audio.")
    names = f"{inputs[0]}" + (f" with {len(inputs) - 1} more" if len(inputs) > 1 else "")
    if minimised == "effect":
        raise UsageError(
            f"{names} is no dataset, and audio alone doesn't say what to sound like.",
            "Make a dataset with `fxlab dataset`, or train towards something else: --loss contrast.",
        )
    if minimised in ("snr", "estoi") and not settings.snr_db:
        raise UsageError(
            f"{names} is no dataset, and clean audio can't be made clearer.",
            "Mix it with noise: `fxlab dataset AUDIO --snr-db 0,5`, or snr_db = [0, 5] in the profile's [dataset].",
        )
    plain = dataclasses.replace(settings, grid={}, random={}, draws=1)
    return dataset.Request(inputs, output / FOLDER, (), plain, rate_hz, force=force)
