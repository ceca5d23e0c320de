"""`fxlab train --model master --phase all`: every phase and ablation of the mastering network on the same examples, compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.errors import FxlabError
from fxlab.formats.plain_json import write_json
from fxlab.progress import Progress, silent
from fxlab.services.machine import most_bytes
from fxlab.services.train import folder as train_folder
from fxlab.services.train import master as train_master
from fxlab.settings import MasteringSettings

VARIANTS: dict[str, dict[str, object]] = {
    "2": {"phase": "2"},
    "1a": {"phase": "1a"},
    "1b": {"phase": "1b"},
    "1c": {"phase": "1c"},
    "1b-no-skips": {"phase": "1b", "skips": False},
    "1b-concat": {"phase": "1b", "conditioning": "concat"},
}
"""Name to what the network consists of. 1b beside 1c is fixed beside adaptive bands; the last two replace one thing each: skip
connections by none, FiLM by concatenation."""


@dataclass
class Result:
    """How the runs ended, by variant.

    Attributes:
        runs: Those that were trained now or before, in the order of `VARIANTS`.
        peak_mib: Largest memory of the process by the end of each run that was trained now, in MiB; 0 where the system doesn't
            tell.
        html, html_error: Where the page was written, and what kept it from being written.
    """

    output: Path
    runs: dict[str, train_master.Result] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def ended(self) -> str:
        """ "finished" or "interrupted"."""
        return "interrupted" if any(run.ended == "interrupted" for run in self.runs.values()) else "finished"

    def to_json(self) -> dict[str, Any]:
        rows = {}
        for name, run in self.runs.items():
            rows[name] = {
                "parameters": run.card["parameters_count"],
                "components": run.card["components"],
                "seconds": run.seconds,
                "steps": run.steps,
                "peak_mib": self.peak_mib.get(name),
                **{key: value for key, value in run.evaluation.to_json().items() if key != "songs"},
            }
        return {"output": str(self.output), "ended": self.ended, "variants": rows, "html": self.html}


def run(request: train_master.Request, progress: Progress = silent) -> Result:
    """Trains all variants in folders of the output named after them; one that is finished there is taken as it is with `resume`.

    Raises:
        FxlabError: As `train_master.run`.
    """
    train_folder.check_several(request, [request.output / name for name in VARIANTS])
    result, songs = Result(request.output), None
    for number, (name, changes) in enumerate(VARIANTS.items(), 1):
        mastering = dataclasses.replace(MasteringSettings(**dataclasses.asdict(request.mastering)), **changes)
        folder = request.output / name
        begun = request.resume and (folder / train_folder.LAST).is_file()
        own = dataclasses.replace(request, output=folder, mastering=mastering, resume=begun)
        songs = songs or train_master.Songs(own, train_master.config_for(own.model.size, mastering).sample_rate_hz, progress)

        told = _named(progress, f"{name}, {number} of {len(VARIANTS)}")
        result.runs[name] = train_master.run(own, told, songs)
        result.peak_mib[name] = most_bytes() / 2**20
        if result.ended == "interrupted":
            return result
    write_json(request.output / "report.json", result.to_json())
    return result


def _named(progress: Progress, name: str) -> Progress:
    def report(task: str, done: float, total: float | None, **fields: object) -> None:
        progress(f"{task} ({name})" if task == "Training" else task, done, total, **fields)

    return report
