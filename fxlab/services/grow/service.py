"""Grows timbres: learns an instrument or takes one, lets it play while an automaton grows it, and writes all that is wanted."""

from __future__ import annotations

import dataclasses
import shutil
from functools import partial
from pathlib import Path

from fxlab.audio.atomic import replacing
from fxlab.errors import UsageError
from fxlab.models.model import Model
from fxlab.progress import Progress, silent
from fxlab.services.drawing import save
from fxlab.services.grow import extras as grow_extras
from fxlab.services.grow import training as grow_training
from fxlab.services.grow.file import render
from fxlab.services.grow.measures import measures
from fxlab.services.grow.page import Played, page_of
from fxlab.services.grow.performance import Performance, check_same_frames, performance_of
from fxlab.services.grow.plan import Plan, plan
from fxlab.services.grow.plot import Trace, contacts_of, draw_mask, growth_of
from fxlab.services.grow.report import Result
from fxlab.services.grow.request import Request, check_sense
from fxlab.services.grow.sound import Settings, check_automaton, steps_of
from fxlab.services.pages import attempt
from fxlab.timbre.instrument import read_instrument
from fxlab.timbre.stems import write_mask_csv

__all__ = ["Request", "Result", "run"]

SHIPPED = "fxlab's own instrument"


def run(request: Request, progress: Progress = silent) -> Result:
    """From recordings or an instrument to a growing timbre.

    Raises:
        UsageError: What doesn't go together, an output that exists, an instrument that can't do what is asked of it.
        InputError: A file that can't be read, learnt or followed.
        MissingError: Something that isn't installed.
        CheckError: Training diverged.
        OutputError: Something can't be written.
    """
    check_sense(request)
    found = plan(request)
    into = read_instrument(request.into) if request.into is not None else None
    if into is not None:
        check_automaton(into, request.automaton)
    if found.recordings:
        result = _learnt(request, found, progress)
        if result.ended == "interrupted":
            return result
    else:
        name = SHIPPED if found.instrument is None else found.instrument.name
        result = Result(name, read_instrument(found.instrument))
    try:
        played = _play(request, found, result, into, progress)
    except BaseException as error:
        _take_back(request, result)
        if not found.recordings:
            raise
        # What was learnt is still in the run's folder: the same command, or a corrected one, finds it there.
        if isinstance(error, KeyboardInterrupt):
            return dataclasses.replace(result, ended="interrupted", takes=[], files={})
        if isinstance(error, UsageError):
            raise UsageError(error.message, f"{error.hint} The instrument is learnt: the corrected command goes on.") from error
        raise
    if found.recordings:
        with replacing(found.kept) as temporary:
            shutil.copyfile(found.run / "best.safetensors", temporary)
        result.files["instrument"] = found.kept
    if request.html is not None:
        page = partial(page_of, result, played, request.command, progress)
        result.html_error = attempt(request.html, page, request.force)
        result.html = None if result.html_error else request.html
    if found.recordings:
        grow_training.forget(found.run)
    return result


def _learnt(request: Request, found: Plan, progress: Progress) -> Result:
    grow_training.check_run(found.run)
    asked = {"automaton": request.automaton, "steps": request.steps}
    grow = dataclasses.replace(request.grow, **{name: value for name, value in asked.items() if value is not None})
    request = dataclasses.replace(request, grow=grow)
    if grow.automaton == "none" and request.resynth is None and request.into is None:
        raise UsageError("The profile asks for no automaton, without which nothing grows.", "Add --nca grown, or --resynth FILE.")
    training, remarks = grow_training.learn(request, found, progress)
    names = found.recordings[0].name if len(found.recordings) == 1 else f"{len(found.recordings)} recordings"
    model = None if training.ended == "interrupted" else read_instrument(Path(training.files["best"]))
    ended = "interrupted" if model is None else "finished"
    warnings = [f"{name}: {finding.text} {finding.hint}" for name, finding in training.findings] + list(training.warnings)
    return Result(f"learnt from {names}", model, training, ended, remarks=remarks, warnings=warnings)


def _play(request: Request, found: Plan, result: Result, into: Model | None, progress: Progress) -> Played:
    model = result.model
    grower = into or model
    if request.resynth is None:
        check_automaton(grower, request.automaton)
        result.automaton, result.steps = grower.config.automaton, request.steps or steps_of(grower)
    if into is not None:
        check_same_frames(model, into, request.into)
        result.into = request.into.name
    performance = performance_of(request, model, progress)
    result.performance = performance.name
    if performance.octaves:
        way = "up" if performance.octaves > 0 else "down"
        octaves = f"{abs(performance.octaves)} octave{'s' * (abs(performance.octaves) > 1)}"
        result.remarks.append(
            f"It is played {octaves} {way}, where the instrument is at home; --no-match leaves it where it was."
        )
    settings = Settings(model, into, result.steps, request.regrow, request.stereo)
    traces = []
    for number, take in enumerate(found.takes):
        traces.append(Trace(len(performance), keep_all=request.mask is not None))
        shown = partial(_share, progress, number, len(found.takes), performance.seconds)
        options = dataclasses.replace(settings, seed=take.seed)
        result.takes.append(render(performance, options, take, request.bit_depth, request.force, traces[-1], shown))
    _write_extras(request, found, result, performance, traces, progress)
    if request.report:
        result.report = measures(grower, result.steps, request.seed, progress)
    return Played(performance, settings, traces, None if request.midi else request.followed)


def _take_back(request: Request, result: Result) -> None:
    """Removes what a run that failed has written so far, or the same command would find it in its way."""
    if request.force:
        return
    for take in result.takes:
        for path in (take.take.output, *take.take.stems):
            path.unlink(missing_ok=True)
    for what, path in result.files.items():
        if what == "sfz":
            shutil.rmtree(request.sfz, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _share(progress: Progress, number: int, count: int, seconds: float, task: str, done: float) -> None:
    """Tells of so many seconds that are done of one rendering of several."""
    progress(task, number * seconds + done, count * seconds)


def _write_extras(
    request: Request, found: Plan, result: Result, performance: Performance, traces: list[Trace], progress: Progress
) -> None:
    model = result.model
    if request.mask is not None:
        if request.mask.suffix.lower() == ".csv":
            gains = traces[0].gains()
            write_mask_csv(request.mask, gains, model.config.harmonics, performance.frame_rate_hz, request.force)
        else:
            draw_mask(request.mask, performance, model.config, traces[0])
        result.files["mask"] = request.mask
    if request.wavetable is not None:
        grow_extras.write_stages(request.wavetable, model, request.stages or grow_extras.STAGES, result.steps, request)
        result.files["wavetable"] = request.wavetable
    if request.sfz is not None:
        shown = partial(progress, "Sampling")
        result.files["sfz"] = grow_extras.write_samples(request.sfz, model, result.about, performance.rate_hz, request, shown)
    if found.contact is not None:
        progress("Drawing", 0, None)
        save(contacts_of(performance, model.config, list(zip(found.takes, traces, strict=True))), found.contact)
        result.files["picture"] = found.contact
    elif request.plot is not None:
        progress("Drawing", 0, None)
        name = f"An instrument {result.instrument}" if found.recordings else result.instrument
        title = f"{name} plays {result.performance}" + (f" and grows into {result.into}" if result.into else "")
        save(growth_of(performance, model.config, traces[0], title), request.plot)
        result.files["picture"] = request.plot
