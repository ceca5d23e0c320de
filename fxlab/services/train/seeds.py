"""`fxlab train --seeds N`: one training from several seeds, which tells luck from skill; the best network is kept."""

from __future__ import annotations

import dataclasses
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.errors import CheckError, FxlabError
from fxlab.formats.plain_json import write_json
from fxlab.models import checkpoint
from fxlab.progress import Progress, silent
from fxlab.services.train import service as train
from fxlab.services.train.folder import BEST, LAST, check_several, forget
from fxlab.setting import check
from fxlab.training.distributed import ALONE, Team


@dataclass
class Result:
    """How the runs ended.

    Args:
        output: Folder with a run in `seed-N` for every seed N, the best network and a report.
        runs: Those that ended without an error, by seed.
        diverged: What went wrong in those that did not, by seed.
        html, html_error: Where the page was written, and what kept it from being written.
    """

    output: Path
    runs: dict[int, train.Result] = field(default_factory=dict)
    diverged: dict[int, str] = field(default_factory=dict)
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def ended(self) -> str:
        """ "finished" or "interrupted"."""
        return "interrupted" if any(run.ended == "interrupted" for run in self.runs.values()) else "finished"

    @property
    def best(self) -> int | None:
        """The seed whose network is best on the validation split, among the runs that went to their end."""
        return min(self.whole(), key=lambda seed: self.runs[seed].metrics.get(self.runs[seed].figure, math.inf), default=None)

    @property
    def spread(self) -> dict[str, float] | None:
        """Median, min and max of the test ESR of the runs that went to their end; None where there is none."""
        errors = [self.runs[seed].metrics["esr"] for seed in self.whole()]
        return {"median": statistics.median(errors), "min": min(errors), "max": max(errors)} if errors else None

    @property
    def files(self) -> dict[str, str]:
        best = {"best": str(self.output / BEST)} if self.best is not None else {}
        return best | {"report": str(self.output / "report.json")}

    def to_json(self) -> dict[str, Any]:
        return {
            "output": str(self.output),
            "ended": self.ended,
            "best_seed": self.best,
            "esr": self.spread,
            "runs": {str(seed): run.to_json() for seed, run in self.runs.items()},
            "diverged": {str(seed): message for seed, message in self.diverged.items()},
            "files": self.files,
            "html": self.html,
        }

    def whole(self) -> list[int]:
        """The seeds whose runs went to their end."""
        return [seed for seed, run in self.runs.items() if run.ended != "interrupted"]


def run(request: train.Request, count: int, progress: Progress = silent, team: Team = ALONE) -> Result:
    """Trains with `count` seeds from `request.settings.seed` on, each in a folder of its own, complete and resumable.

    To resume goes on with the run that was interrupted and starts those that are missing; finished ones are only scored again.
    A run that diverges doesn't keep the others from theirs.

    Raises:
        CheckError: All of them diverged.
        UsageError, InputError, OutputError: As `fxlab.services.train.service.run`.
    """
    seeds = [check(request.settings, "seed", request.settings.seed + i) for i in range(count)]
    folders = {seed: request.output / f"seed-{seed}" for seed in seeds}
    check_several(request, list(folders.values()))
    result = Result(request.output)
    for number, (seed, folder) in enumerate(folders.items(), 1):
        settings = dataclasses.replace(request.settings, seed=seed)
        resume = request.resume and (folder / LAST).is_file()
        one = dataclasses.replace(request, output=folder, settings=settings, resume=resume)
        try:
            result.runs[seed] = train.run(one, _named(progress, f"seed {seed}, {number} of {count}"), team)
        except CheckError as error:
            result.diverged[seed] = error.message
            if len(result.diverged) == count:
                raise
        if request.force and number == 1 and team.first:  # only now is it certain that there is something new in place of the old
            for old in (request.output, *list(folders.values())[1:]):
                forget(old)
        if team.first:
            _keep(result, folders)
        if result.ended == "interrupted":
            break
    return result


def _named(progress: Progress, name: str) -> Progress:
    def report(task: str, done: float, total: float | None, **fields: object) -> None:
        progress(f"{task} ({name})", done, total, **fields)

    return report


def _keep(result: Result, folders: dict[int, Path]) -> None:
    """Writes the best network so far, whose card says how the others fared, and the report."""
    if result.best is not None:
        network, card, _, _ = checkpoint.load(folders[result.best] / BEST)
        card["metrics"]["seeds"] = {"count": len(result.whole()), "esr": result.spread}
        checkpoint.save(result.output / BEST, network, card)
    write_json(result.output / "report.json", result.to_json())
