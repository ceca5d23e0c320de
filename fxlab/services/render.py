"""Plays files through a chain: plans, renders them one after the other or in parallel, reports on each."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import temporary_path
from fxlab.durations import parse_duration
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.progress import Progress, silent
from fxlab.services import cluster
from fxlab.services.cluster import Cluster
from fxlab.services.cluster_worker import absolute, require_seen
from fxlab.services.ending import Ending
from fxlab.services.render_file import FileReport, Settings, open_chain, render_file
from fxlab.services.render_picture import Recording, check_picture
from fxlab.services.render_plan import Job, plan
from fxlab.services.render_plot import draw
from fxlab.settings import EffectSettings

TASK = "Rendering"


@dataclass
class Request:
    """What to render.

    Attributes:
        inputs: Files, folders and patterns.
        effects: The chain, in order.
        output: A file, or a folder for several; None puts NAME.<effects>.wav beside each input.
        format: "wav", "flac" or "ogg"; None follows `output`, else wav.
        bit_depth: "auto" (the input's), "16", "24" or "float".
        mix: Share of the processed signal, 0..1; the dry rest is aligned with it.
        tail: "none" keeps the input's length, "auto" adds what rings on, or a length such as "2s".
        workers: Processes; None takes one per core and file. On a cluster files at the same time, None for as many as it likes.
        force: Overwrite outputs that exist.
        plot: Picture to draw of dry, DSP and network; of one input only.
        block: Frames processed at once.
        cluster: Where files are sent; its workers read and write them themselves.
    """

    inputs: Sequence[str | Path]
    effects: Sequence[EffectSettings]
    output: str | Path | None = None
    format: str | None = None
    bit_depth: str = "auto"
    mix: float = 1.0
    tail: str = "none"
    workers: int | None = None
    force: bool = False
    plot: Path | None = None
    block: int = 16_384
    cluster: Cluster | None = None


@dataclass
class Result:
    """One report per file, in the order of the inputs, and the picture if one was drawn."""

    files: list[FileReport]
    chain: list[str] = field(default_factory=list)
    plot: Path | None = None

    @property
    def failed(self) -> list[FileReport]:
        return [report for report in self.files if report.error is not None]

    @property
    def exit_code(self) -> int:
        """0; 6 if outputs couldn't be written and nothing else went wrong; 3 if some file failed in another way."""
        if not self.failed:
            return 0
        return OutputError.exit_code if all(isinstance(report.error, OutputError) for report in self.failed) else 3

    def to_json(self) -> dict[str, Any]:
        return {
            "chain": self.chain,
            "files": [report.to_json() for report in self.files],
            "failed": len(self.failed),
            "plot": str(self.plot) if self.plot else None,
            "exit_code": self.exit_code,
        }


def run(request: Request, progress: Progress = silent) -> Result:
    """Renders all files; one that fails doesn't stop the others.

    Raises:
        FxlabError: Whatever makes the request impossible, before any work; and the error of the file if there is only one.
    """
    tail_s = None if request.tail == "auto" else 0.0 if request.tail == "none" else parse_duration(request.tail)
    if not 0.0 <= request.mix <= 1.0:
        raise UsageError(f"mix = {request.mix:g} is out of range.", "Its range is 0 .. 1.")
    opened = open_chain(request.effects)
    label = "+".join(one.name for one in opened)
    jobs = plan(request.inputs, request.output, label, request.format, request.bit_depth, request.force)
    if request.plot is not None:
        if request.cluster is not None:
            raise UsageError("--plot draws what is rendered here.", "Leave out --cluster, or --plot.")
        if len(jobs) > 1:
            raise UsageError(f"--plot draws one file, but there are {len(jobs)} inputs.", "Render one of them with --plot.")
        check_picture(request.plot, [jobs[0].source, jobs[0].output], request.force)
    settings = Settings(
        effects=list(request.effects),
        mix=request.mix,
        tail_s=tail_s,
        bit_depth=request.bit_depth,
        force=request.force,
        block=request.block,
        token=secrets.token_hex(6),
    )
    workers = min(request.workers or os.cpu_count() or 1, len(jobs))
    recording = Recording() if request.plot is not None else None
    if request.cluster is not None:
        reports = _on_cluster(jobs, settings, request.cluster, request.workers, progress)
    elif workers == 1:
        reports = _in_turn(jobs, settings, progress, recording)
    else:
        reports = _in_parallel(jobs, settings, workers, progress)
    if len(reports) == 1 and reports[0].error is not None:
        raise reports[0].error
    result = Result(reports, [one.name for one in opened], request.plot)
    if recording is not None:
        progress("Drawing", 0, None)
        draw(request.plot, jobs[0].source, recording.audio(), settings, opened)
    return result


def _in_turn(jobs: Sequence[Job], settings: Settings, progress: Progress, recording: Recording | None) -> list[FileReport]:
    reports = []
    for index, job in enumerate(jobs):
        reports.append(
            render_file(
                job,
                settings,
                lambda share, index=index, job=job: progress(TASK, index + share, len(jobs), file=job.source.name),
                recording,
            )
        )
    progress(TASK, len(jobs), len(jobs))
    return reports


def _in_parallel(jobs: Sequence[Job], settings: Settings, workers: int, progress: Progress) -> list[FileReport]:
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    reports = []
    progress(TASK, 0, len(jobs))
    try:
        work = Parallel(n_jobs=workers, backend="loky", return_as="generator")
        for report in work(delayed(render_file)(job, settings) for job in jobs):
            reports.append(report)
            progress(TASK, len(reports), len(jobs), file=report.input.name)
    except BaseException:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        _clear_up(jobs, settings)
        raise
    return reports


def _on_cluster(
    jobs: Sequence[Job], settings: Settings, where: Cluster, at_once: int | None, progress: Progress
) -> list[FileReport]:
    # That nothing is overwritten was checked for all files; a worker that is lost right behind its work may leave the output.
    settings = dataclasses.replace(settings, effects=absolute(settings.effects), force=True)
    calls = [(number, Job(job.source.absolute(), job.output.absolute()), settings) for number, job in enumerate(jobs)]
    reports: dict[int, FileReport] = {}
    progress(TASK, 0, len(jobs))
    try:
        with contextlib.closing(cluster.results(where, _on_worker, calls, jobs[0].output.parent, at_once)) as results:
            for number, report in results:
                reports[number] = dataclasses.replace(report, input=jobs[number].source, output=jobs[number].output)
                progress(TASK, len(reports), len(jobs), file=jobs[number].source.name)
    finally:
        _clear_up(jobs, settings)
    return [reports[number] for number in range(len(jobs))]


def _on_worker(number: int, job: Job, settings: Settings, ending: Ending) -> tuple[int, FileReport]:
    try:
        require_seen(job.source, InputError)
    except InputError as error:
        return number, FileReport(job.source, job.output, error=error)
    # A name of its own: the worker that this one stands in for may be alive and writing.
    own = dataclasses.replace(settings, token=f"{settings.token}.{secrets.token_hex(3)}")
    return number, render_file(job, own, ending.check)


def _clear_up(jobs: Sequence[Job], settings: Settings) -> None:
    """Removes what workers that were killed left half-written."""
    for folder in {job.output.parent for job in jobs}:
        for path in folder.glob(temporary_path(Path("*"), f"{settings.token}*").name):
            with contextlib.suppress(OSError):
                path.unlink()
