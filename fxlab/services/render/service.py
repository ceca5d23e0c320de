"""Plays files through a chain: plans, renders them one after the other or in parallel, reports on each."""

from __future__ import annotations

import dataclasses
import functools
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.durations import parse_duration
from fxlab.errors import FxlabError, InputError, UsageError, exit_code_of
from fxlab.progress import Progress, silent
from fxlab.services import batch
from fxlab.services.cluster import Cluster
from fxlab.services.cluster_worker import absolute, require_seen
from fxlab.services.drawing import check_picture
from fxlab.services.pages import attempt, check_place
from fxlab.services.render.file import FileReport, Settings, open_chain, render_file
from fxlab.services.render.page import page_of
from fxlab.services.render.picture import Recording
from fxlab.services.render.plan import Job, plan
from fxlab.services.render.plot import draw
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
        html: Page to write, with the same to listen to.
        command: What was typed, for the page.
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
    html: Path | None = None
    command: str = ""
    block: int = 16_384
    cluster: Cluster | None = None


@dataclass
class Result:
    """One report per file, in the order of the inputs, the picture and the page if they were made, and why the page was not."""

    files: list[FileReport]
    chain: list[str] = field(default_factory=list)
    plot: Path | None = None
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def failed(self) -> list[FileReport]:
        return [report for report in self.files if report.error is not None]

    @property
    def exit_code(self) -> int:
        """0; 6 if outputs couldn't be written and nothing else went wrong; 3 if some file failed in another way."""
        return exit_code_of([report.error for report in self.failed])

    def to_json(self) -> dict[str, Any]:
        return {
            "chain": self.chain,
            "files": [report.to_json() for report in self.files],
            "failed": len(self.failed),
            "plot": str(self.plot) if self.plot else None,
            "html": str(self.html) if self.html else None,
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
    if request.html is not None:
        others = [path for job in jobs for path in (job.source, job.output)]
        check_place(request.html, others + ([request.plot] if request.plot else []), request.force)
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
    calls, names = [(job, settings) for job in jobs], [job.source.name for job in jobs]
    if request.cluster is not None:
        reports = _on_cluster(jobs, settings, request.cluster, request.workers, progress)
    elif workers == 1:
        reports = batch.in_turn(functools.partial(render_file, listen=recording), calls, names, progress, TASK)
    else:
        try:
            reports = batch.in_parallel(render_file, calls, names, workers, progress, TASK)
        except BaseException:
            _clear_up(jobs, settings)
            raise
    if len(reports) == 1 and reports[0].error is not None:
        raise reports[0].error
    result = Result(reports, [one.name for one in opened], request.plot)
    if recording is not None:
        progress("Drawing", 0, None)
        draw(request.plot, jobs[0].source, recording.audio(), settings, opened)
    if request.html is not None:
        result.html_error = attempt(
            request.html, lambda: page_of(reports, settings, opened, request.command, progress), request.force
        )
        result.html = None if result.html_error else request.html
    return result


def _on_cluster(
    jobs: Sequence[Job], settings: Settings, where: Cluster, at_once: int | None, progress: Progress
) -> list[FileReport]:
    # That nothing is overwritten was checked for all files; a worker that is lost right behind its work may leave the output.
    settings = dataclasses.replace(settings, effects=absolute(settings.effects), force=True)
    calls = [(Job(job.source.absolute(), job.output.absolute()), settings) for job in jobs]
    names, folder = [job.source.name for job in jobs], jobs[0].output.parent
    try:
        reports = batch.on_cluster(_on_worker, calls, names, where, folder, at_once, progress, TASK)
    finally:
        _clear_up(jobs, settings)
    return [dataclasses.replace(report, input=job.source, output=job.output) for report, job in zip(reports, jobs, strict=True)]


def _on_worker(job: Job, settings: Settings, check: Callable[[float], None]) -> FileReport:
    try:
        require_seen(job.source, InputError)
    except InputError as error:
        return FileReport(job.source, job.output, error=error)
    # A name of its own: the worker that this one stands in for may be alive and writing.
    own = dataclasses.replace(settings, token=f"{settings.token}.{secrets.token_hex(3)}")
    return render_file(job, own, check)


def _clear_up(jobs: Sequence[Job], settings: Settings) -> None:
    batch.clear_up({job.output.parent for job in jobs}, settings.token)
