"""What every training leaves in its folder while it runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fxlab.models import checkpoint
from fxlab.models.model import Card
from fxlab.progress import Progress
from fxlab.services.train.card import training_record
from fxlab.services.train.folder import BEST, LAST, leave_best
from fxlab.services.train.report import write_curves
from fxlab.settings import TrainSettings
from fxlab.training.loop import Run


class Keeper:
    """Saves a run as `Loop` asks for it.

    Args:
        folder: The run's folder.
        card: Of the network; what is added to it later is saved from then on.
        settings: How it is trained.
        figure: What the figure of the validation split is called.
        anew: Not a run that is resumed: what is there of another goes when there is something to take its place.
    """

    def __init__(self, folder: Path, card: Card, settings: TrainSettings, figure: str, anew: bool) -> None:
        self.folder, self.card, self.settings, self.figure = folder, card, settings, figure
        self._anew = anew

    def save(self, run: Run, best: bool) -> None:
        """The state, and the network too where it is the best so far; raises `OutputError`."""
        # The best first: a run killed in between resumes from the last state before it and finds the same best again.
        if best:
            measured = {self.figure: run.best} if run.best_epoch >= 0 else {}
            about = self.card | {"metrics": measured, "training": training_record(run, self.settings)}
            self._put(BEST, run.model, about, weights=run.weights())
        made_with = {"settings": dataclasses.asdict(self.settings), "dataset": self.card["data"]["manifest_sha256"]}
        self._put(LAST, run.model, self.card, run.tensors(), run.record() | made_with)
        write_curves(self.folder, run.history, self.figure)

    def _put(self, name: str, *content: Any, **more: Any) -> None:
        checkpoint.save(self.folder / name, *content, **more, written=self._begin)

    def _begin(self) -> None:
        if self._anew:
            leave_best(self.folder)
            self._anew = False

    def ensure_best(self, run: Run) -> None:
        """Takes the weights as they are for the best where no epoch came to its end."""
        if run.best_epoch < 0 or not (self.folder / BEST).is_file():
            self.save(run, True)

    @property
    def files(self) -> dict[str, str]:
        """The checkpoints by role."""
        return {"best": str(self.folder / BEST), "last": str(self.folder / LAST)}


def told(progress: Progress, settings: TrainSettings) -> Callable[[Run, int, dict], None]:
    """What `Loop` reports to: the steps so far, and in which epoch they are."""

    def report(run: Run, total: int, figures: dict) -> None:
        progress("Training", run.step, total, epoch=f"{run.epoch + 1}/{settings.epochs}", **figures)

    return report
