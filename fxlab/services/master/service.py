"""Masters songs: settles what is wanted, does it one after the other or in parallel, reports on each."""

from __future__ import annotations

import dataclasses
import math
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fxlab
from fxlab.audio.codecs import CODECS, has_ffmpeg
from fxlab.durations import parse_duration
from fxlab.errors import InputError, UsageError
from fxlab.mastering import chain as chains
from fxlab.mastering.album import album, album_lufs
from fxlab.mastering.chain import Amounts
from fxlab.mastering.delivered import Delivered
from fxlab.mastering.edit import TRIM_DB, Edit
from fxlab.mastering.reference import Weights
from fxlab.progress import Progress, silent
from fxlab.services import batch
from fxlab.services.cluster_worker import require_seen
from fxlab.services.master import plan as master_plan
from fxlab.services.master.extras import write_delta, write_preview
from fxlab.services.master.file import Settings, Share, analysis_of, master_file, study_file
from fxlab.services.master.page import page_of
from fxlab.services.master.plan import Job
from fxlab.services.master.plot import draw, picture_of
from fxlab.services.master.report import FileReport, Result, Study
from fxlab.services.master.request import Request, check_files, check_sense
from fxlab.services.pages import attempt

__all__ = ["Request", "Result", "run"]

TASK = "Mastering"


def run(request: Request, progress: Progress = silent) -> Result:
    """Masters all songs; one that fails doesn't stop the others.

    Raises:
        FxlabError: Whatever makes the request impossible, before any work; and the error of the song if there is only one.
    """
    check_sense(request)
    wanted = request.settings
    targets = master_plan.targets(
        request.targets or [wanted.target],
        wanted.lufs or None,
        None if wanted.ceiling_db == 1.0 else wanted.ceiling_db,
        wanted.bit_depth,
    )
    jobs = master_plan.plan(request.inputs, request.output, targets, request.format, wanted.bit_depth, request.force)
    check_files(request, jobs)
    settings = _settings(request, progress)
    crew = _Crew(request, jobs, settings.token, progress)
    if request.album and not (settings.chain and settings.chain.loudness):  # which gives all songs the same gain anyway
        result = _album(crew, settings)
    else:
        result = Result(crew.work(TASK, master_file, [(job, settings, None) for job in jobs]))
    if len(result.files) == 1 and result.files[0].error is not None:
        raise result.files[0].error
    if request.extras:
        _write_extras(request, result, progress)
    if request.html is not None:
        result.html_error = attempt(request.html, lambda: page_of(result, request.command, progress), request.force)
        result.html = None if result.html_error else request.html
    return result


def _settings(request: Request, progress: Progress) -> Settings:
    wanted = request.settings
    stages = (wanted.tone, wanted.dynamics, wanted.width, wanted.loudness)
    amounts = Amounts(*(wanted.amount / 100 * percent / 100 for percent in stages))
    chain = chains.load(request.chain) if request.chain is not None else None
    if chain is not None and not (request.replay and amounts.loudness == 1.0):
        chain = chain.before_loudness()
    return Settings(
        amounts=amounts,
        chain=chain,
        references=tuple(_references(request, progress)),
        names=tuple(path.name for path in request.references),
        weights=Weights(**{name: percent / 100 for name, percent in request.reference_percent.items() if percent is not None}),
        preset=wanted.preset,
        model=request.model,
        insist=request.insist,
        edit=_edit(request),
        codecs=tuple(CODECS) if request.codecs is not False and has_ffmpeg() else (),
        whole_codecs=bool(request.codecs),
        force=request.force,
        token=secrets.token_hex(6),
    )


def _edit(request: Request) -> Edit | None:
    """Trim and fades; raises `UsageError` for fades that are none."""
    fade_in, comma, fade_out = (request.fade or "0").rpartition(",")
    try:
        fades = parse_duration(fade_in) if comma else 0.0, parse_duration(fade_out)
    except UsageError:
        raise UsageError(f"--fade {request.fade} is no fade.", "Write 2s to fade out, or 10ms,2s to fade in and out.") from None
    edit = Edit(TRIM_DB if request.trim else None, *fades)
    return None if edit == Edit() else edit


def _references(request: Request, progress: Progress) -> list:
    count, task = len(request.references), "Listening to references"
    heard = []
    for number, path in enumerate(request.references):
        shown = lambda share, number=number, path=path: progress(task, number + share, count, file=path.name)  # noqa: E731
        analysis = analysis_of(path, shown)
        if analysis.silent:
            raise InputError(f"{path} is silent and can't be a reference.", "Name a finished song with --reference.")
        heard.append(analysis)
    return heard


def _album(crew: _Crew, settings: Settings) -> Result:
    """Listens to all songs before the first is mastered: the loudest one meets the target, the others keep their distance."""
    studies = crew.work("Listening", study_file, [(job, settings, None) for job in crew.jobs])
    heard = [number for number, study in enumerate(studies) if study.error is None]
    if not heard:
        return Result([FileReport(study, error=study.error) for study in studies])
    programmes = [studies[number].analysis.programme for number in heard]
    aims = {number: list(crew.jobs[number].targets) for number in heard}
    for place, target in enumerate(crew.jobs[0].targets):
        for number, lufs in zip(heard, album(programmes, target.lufs).targets_lufs, strict=True):
            if lufs is not None:
                aims[number][place] = dataclasses.replace(target, lufs=lufs)
    calls = [
        (dataclasses.replace(job, targets=tuple(aims.get(number, job.targets))), settings, studies[number])
        for number, job in enumerate(crew.jobs)
    ]
    return Result(crew.work(TASK, master_file, calls), album_lufs=album_lufs(programmes))


def _write_extras(request: Request, result: Result, progress: Progress) -> None:
    """What is wanted beside the one master, or the first of several."""
    report = result.files[0]
    source, edit, master = report.source, report.study.edit, report.masters[0]
    if request.save_chain is not None:
        master.chain.save(request.save_chain, _about(source, master))
        result.chain = request.save_chain
    if request.preview is not None:
        shown = lambda share: progress("Writing the preview", share, 1.0)  # noqa: E731
        result.preview = write_preview(source, master.output, request.preview, edit=edit, force=request.force, progress=shown)
    if request.delta is not None:
        shown = lambda share: progress("Writing the delta", share, 1.0)  # noqa: E731
        result.delta = write_delta(source, master.output, request.delta, edit=edit, force=request.force, progress=shown)
    if request.plot is not None:
        progress("Drawing", 0, None)
        draw(request.plot, picture_of(source, master, None if report.study.finished else report.study.compared, edit))
        result.plot = request.plot


def _about(source: Path, master: Delivered) -> dict[str, object]:
    return {
        "song": source.name,
        "target": master.target.name,
        "loudness_lufs": round(master.after.integrated_lufs, 2) if math.isfinite(master.after.integrated_lufs) else None,
        "fxlab": fxlab.__version__,
    }


class _Crew:
    """Who does the work on all songs: this process, several, or a cluster."""

    def __init__(self, request: Request, jobs: Sequence[Job], token: str, progress: Progress) -> None:
        self.jobs = jobs
        self._request, self._token, self._progress = request, token, progress
        self._workers = min(request.workers or os.cpu_count() or 1, len(jobs))

    def work(self, task: str, work: Callable[..., Any], calls: Sequence[tuple]) -> list:
        """What `work(job, settings, study, progress)` returns for each call (job, settings, study), in order."""
        names = [job.source.name for job, *_ in calls]
        folders = {output.parent for job, *_ in calls for output in job.outputs}
        try:
            if self._request.cluster is not None:
                return self._on_cluster(task, work, calls, names)
            if self._workers == 1:
                return batch.in_turn(work, calls, names, self._progress, task)
            return batch.in_parallel(work, calls, names, self._workers, self._progress, task)
        finally:
            batch.clear_up(folders, self._token)

    def _on_cluster(self, task: str, work: Callable[..., Any], calls: Sequence[tuple], names: Sequence[str]) -> list:
        # That nothing is overwritten was checked for all songs; a worker that is lost right behind its work may leave the output.
        sent = []
        for job, settings, study in calls:
            there = Job(job.source.absolute(), job.targets, tuple(output.absolute() for output in job.outputs))
            model = settings.model.absolute() if settings.model else None
            sent.append((work, there, dataclasses.replace(settings, model=model, force=True), study))
        where, at_once = self._request.cluster, self._request.workers
        folder = calls[0][0].outputs[0].parent
        results = batch.on_cluster(_on_worker, sent, names, where, folder, at_once, self._progress, task)
        for (job, *_), result in zip(calls, results, strict=True):
            _rename(result, job)
        return results


def _on_worker(work: Callable[..., Any], job: Job, settings: Settings, study: Study | None, check: Share) -> Any:
    try:
        require_seen(job.source, InputError)
    except InputError as error:
        study = Study(job.source, error=error)
    # A name of its own: the worker that this one stands in for may be alive and writing.
    own = dataclasses.replace(settings, token=f"{settings.token}.{secrets.token_hex(3)}")
    return work(job, own, study, check)


def _rename(result: Study | FileReport, job: Job) -> None:
    """Names the files as they were given, not as the workers found them."""
    study = result if isinstance(result, Study) else result.study
    study.source = job.source
    if isinstance(result, FileReport):
        result.masters = [
            dataclasses.replace(master, output=output) for master, output in zip(result.masters, job.outputs, strict=False)
        ]
