"""`fxlab train --model ddsp`: an instrument from recordings, and the automaton that grows it."""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from fxlab.audio.sources import expand
from fxlab.errors import FxlabError, UsageError
from fxlab.hashing import value_sha256
from fxlab.models import checkpoint_file
from fxlab.models.model import Card, Model
from fxlab.progress import Progress, silent
from fxlab.services.interrupt import stop_on_ctrl_c
from fxlab.services.train.automaton import OF_AUTOMATON, grown
from fxlab.services.train.card import fresh_card
from fxlab.services.train.folder import BEST, LAST, check_output, make_writable, restore
from fxlab.services.train.instrument_report import write_report
from fxlab.services.train.keeping import Keeper, told
from fxlab.settings import GrowSettings, ModelSettings, TrainSettings
from fxlab.timbre.config import InstrumentConfig, sized
from fxlab.timbre.corpus import Corpus, gather, phrase_json
from fxlab.timbre.ddsp import Ddsp
from fxlab.timbre.diagnosis import Finding
from fxlab.timbre.evaluation import Score, evaluate, overall
from fxlab.timbre.instrument import read_instrument
from fxlab.timbre.segments import Segments, held_out
from fxlab.timbre.table import Table
from fxlab.timbre.tracker import SwiftF0, Tracker
from fxlab.timbre.training import InstrumentLoop, Lesson, teacher_of, validator
from fxlab.timbre.unheard import silenced
from fxlab.training.loop import Run, pick_device

PROFILE = "grow-fast"
"""What an instrument is trained by where nothing else is asked for."""
FIGURE = "validation_loss"
CACHE = "features"
_BATCH = 8
_STEPS_PER_EPOCH = 25
_SHARE, _GROWING = 0.65, 0.25
"""Of the time that there is for everything, what network and automaton get; the rest goes to hearing and judging."""
_TIMED = 6


@dataclass
class Request:
    """What to train on what.

    Args:
        inputs: Recordings of one instrument: files, folders, patterns.
        output: Run folder; made if absent.
        model: Size, licence, attribution.
        settings: How to train; a batch of 0 takes 8, 0 steps per epoch take 25.
        grow: What segments, losses and the automaton are like.
        tracker: Who finds the pitch; None takes swift-f0.
        start: An instrument to go on from; its size is kept.
        minutes: Time for everything; the epochs follow from it. 0 goes by the epochs.
        profile: Name of the profile it came from, for the card.
        resume: Go on with the run in `output`.
        force: Start over although `output` holds a run.
    """

    inputs: Sequence[str | Path]
    output: Path
    model: ModelSettings = field(default_factory=lambda: ModelSettings(type="ddsp"))
    settings: TrainSettings = field(default_factory=TrainSettings)
    grow: GrowSettings = field(default_factory=GrowSettings)
    tracker: Tracker | None = None
    start: Path | None = None
    minutes: float = 0.0
    profile: str | None = None
    resume: bool = False
    force: bool = False


@dataclass
class Result:
    """How the run ended and what the instrument is worth.

    Args:
        ended: "finished", "early stop" or "interrupted".
        findings: What is remarkable about the recordings, by file name.
        scores: Of every recording of which something was kept back; empty after an interruption.
        warnings: What is wrong with the automaton.
        files: What was written, by role.
        html, html_error: Where the page was written, and what kept it from being written.
    """

    output: Path
    ended: str
    card: Card
    epochs: int
    steps: int
    seconds: float
    findings: list[tuple[str, Finding]]
    scores: list[Score]
    warnings: list[str]
    files: dict[str, str]
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def overall(self) -> Score | None:
        """All recordings as one."""
        return overall(self.scores) if self.scores else None

    def to_json(self) -> dict[str, Any]:
        plain = {name: value for name, value in vars(self).items() if name != "html_error"} | {"output": str(self.output)}
        plain["findings"] = [{"file": name, **dataclasses.asdict(finding)} for name, finding in self.findings]
        plain["scores"] = [score.to_json() for score in self.scores]
        return plain | {"overall": self.overall.to_json() if self.overall else None}


def config_for(size: str, grow: GrowSettings) -> InstrumentConfig:
    """The configuration that size and settings ask for; raises `UsageError` for an unknown size."""
    plain = sized(size)
    return dataclasses.replace(plain, reverb=round(grow.reverb_s * plain.sample_rate_hz))


def run(request: Request, progress: Progress = silent) -> Result:
    """Trains network and automaton, judges them on what was kept back and writes the report.

    Raises:
        UsageError: A run is already there, or is resumed with other settings; an instrument to go on from that doesn't fit.
        InputError: A recording that can't be read, or that no instrument can be learnt from; the run to resume is damaged.
        MissingError: swift-f0 or CUDA is asked for and absent, or memory doesn't suffice for one segment.
        CheckError: Training diverged.
        OutputError: The run folder can't be written.
    """
    check_output(request)
    start = read_instrument(request.start) if request.start else None
    config = start.config.with_automaton("") if start else config_for(request.model.size, request.grow)
    settings = _filled(request.settings)
    device = pick_device(settings.device)
    torch.set_num_threads(settings.threads or 1)
    tracker = request.tracker or SwiftF0()
    measures = _same_ears(start, tracker)
    cache = request.output / CACHE
    paths = expand(request.inputs)
    if isinstance(tracker, Table) and len(paths) > 1:
        raise UsageError("A table of pitch is that of one recording.", "Name one recording, or leave --f0 out.")
    corpus = gather(paths, config, tracker, request.grow.segment_s, request.grow.hold_out, cache, progress, measures)
    torch.manual_seed(settings.seed)
    network = Ddsp(config)
    if start:
        network.load_state_dict({name: torch.tensor(start.weights[name]) for name in config.network_shapes()})
    network.to(device)
    lesson = Lesson(request.grow, config.sample_rate_hz, teacher_of(request.grow, config, device))
    segment = math.ceil(request.grow.segment_s * config.frame_rate_hz)
    segments = Segments(corpus.takes, corpus.measures, config, segment, request.grow.timbre_dropout, settings.seed)
    state = Run.fresh(network, settings)
    card = _card(request, config, corpus, settings)
    if request.resume:
        restore(state, request.output / LAST, card, settings)
    if request.minutes:
        settings = _timed(request, settings, state, segments, lesson, progress)
    make_writable(request.output)
    kept = [batch for _, batch in held_out(corpus.takes, corpus.measures, config, with_timbre=False)]
    # Recordings too short to keep anything back of are watched as they are learnt.
    kept = kept or [next(segments.epoch(0, settings.batch_size, 1))]

    keeper, report = Keeper(request.output, card, settings, FIGURE, anew=not request.resume), told(progress, settings)
    with stop_on_ctrl_c() as stopping:
        options = {"validate": validator(kept, lesson, stopping), "save": keeper.save, "report": report, "stopping": stopping}
        ended = InstrumentLoop(state, segments, settings, lesson, figure=FIGURE, **options).go()
        keeper.ensure_best(state)
        return _conclude(keeper, request, state, corpus, tracker, ended, stopping, progress)


def _conclude(
    keeper: Keeper,
    request: Request,
    state: Run,
    corpus: Corpus,
    tracker: Tracker,
    ended: str,
    stopping: Callable[[], bool],
    progress: Progress,
) -> Result:
    best = keeper.folder / BEST
    model, _, _ = checkpoint_file.read(best)
    warnings: list[str] = []
    heard = []
    model = silenced(model, [take.features[part.start : part.stop] for take in corpus.takes for part in take.learnt])
    if ended != "interrupted":
        seconds = _GROWING * 60 * request.minutes
        model, report = grown(request.output, model, request.grow, request.settings.seed, corpus, seconds, stopping, progress)
        warnings = report.warnings if report else []
        ended = "interrupted" if stopping() else ended
    if ended != "interrupted":
        progress("Judging", 0, 1)
        heard = evaluate(model, corpus.takes, tracker, stopping)
        progress("Judging", 1, 1)
        # A part of the recordings says nothing of all.
        ended, heard = ("interrupted", []) if stopping() else (ended, heard)
    if ended != "interrupted":
        scores = [one.score for one in heard]
        card = model.card | {"metrics": model.card["metrics"] | {"held_out": overall(scores).to_json()}}
        model = Model(model.config, model.weights, card)
        checkpoint_file.write(best, model.weights, card)
    files = write_report(request.output, model, state.history, FIGURE, ended, heard) | keeper.files
    return Result(
        request.output,
        ended,
        model.card,
        state.epoch,
        state.step,
        state.seconds,
        list(corpus.findings),
        [one.score for one in heard],
        warnings,
        files,
    )


def _filled(settings: TrainSettings) -> TrainSettings:
    return dataclasses.replace(
        settings, batch_size=settings.batch_size or _BATCH, steps_per_epoch=settings.steps_per_epoch or _STEPS_PER_EPOCH
    )


def _timed(
    request: Request, settings: TrainSettings, state: Run, segments: Segments, lesson: Lesson, progress: Progress
) -> TrainSettings:
    """The settings with as many epochs as fit into the minutes, or as many as a run had that is resumed."""
    if state.fit.get("minutes") == request.minutes:
        return dataclasses.replace(settings, epochs=state.fit["epochs"])
    progress("Compiling, and trying out its speed", 0, None)
    trial = Run.fresh(copy.deepcopy(state.model), settings)
    loop = InstrumentLoop(
        trial, segments, settings, lesson, validate=lambda run: None, save=lambda *_: None, report=lambda *_: None
    )
    batches = segments.epoch(0, settings.batch_size * settings.accumulate, _TIMED)
    loop._step(next(batches))  # compiles what must be compiled
    began = time.monotonic()
    for batch in batches:
        loop._step(batch)
    step_s = (time.monotonic() - began) / (_TIMED - 1)
    epochs = max(1, int(_SHARE * 60 * request.minutes / (step_s * settings.steps_per_epoch)))
    state.fit = {"minutes": request.minutes, "epochs": epochs}
    return dataclasses.replace(settings, epochs=epochs)


def _same_ears(start: Model | None, tracker: Tracker) -> dict[str, Any] | None:
    """What the instrument to go on from was measured by, if that was done by the same tracker."""
    if start is None:
        return None
    measures = start.card["features"]
    if measures["tracker"] != tracker.name:
        raise UsageError(
            f"The instrument heard by {measures['tracker']}, and now it would by {tracker.name}.",
            "Use the same one, or train a new instrument.",
        )
    return measures


def _card(request: Request, config: InstrumentConfig, corpus: Corpus, settings: TrainSettings) -> Card:
    kept = sum(len(take.kept) for take in corpus.takes) / config.frame_rate_hz
    # The automaton is taught after the network, which needn't be learnt anew for another one.
    of_network = {name: value for name, value in dataclasses.asdict(request.grow).items() if name not in OF_AUTOMATON}
    about = {
        "sample_rate_hz": config.sample_rate_hz,
        "effect": [],
        "features": corpus.measures,
        "phrase": phrase_json(corpus.phrase),
        "data": {
            "recordings": corpus.listed,
            "kept_back_s": round(kept, 2),
            "manifest_sha256": value_sha256([corpus.listed, of_network, corpus.measures]),
        },
        "grow": dataclasses.asdict(request.grow),
    }
    return fresh_card(config, about, request.model, settings, request.profile)
