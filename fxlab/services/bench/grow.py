"""`fxlab bench --suite grow`: how fast an instrument is learnt, beside the way in which it is usually first done.

All trainers learn from the same recordings and are judged by the same loss on the same parts that nobody learns from. They take
turns, always the one whose own clock is behind; judging counts for none, and compiled code is loaded before. What is compared is
the time to the same loss: that which the frozen baseline (`fxlab.timbre.baseline`), or one of its variants, has at its best.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fxlab.audio.files import Writer
from fxlab.audio.sources import expand
from fxlab.errors import FxlabError, InputError
from fxlab.profiles import load
from fxlab.progress import Progress, silent
from fxlab.services.bench.grow_speed import Speed, speeds
from fxlab.services.bench.heard import Heard
from fxlab.services.bench.output import require_page, require_picture, require_writable, with_page, write_plot
from fxlab.services.interrupt import stop_on_ctrl_c
from fxlab.services.machine import Machine, describe
from fxlab.services.train import instrument as train_instrument
from fxlab.timbre.baseline import BaselineTrainer, Steps, cut
from fxlab.timbre.corpus import gather
from fxlab.timbre.ddsp import Ddsp
from fxlab.timbre.instrument import read_instrument
from fxlab.timbre.losses import SpectralLoss
from fxlab.timbre.performance import phrase_of
from fxlab.timbre.segments import Segments, Take, held_out
from fxlab.timbre.tracker import SwiftF0
from fxlab.timbre.training import InstrumentLoop, Lesson, play
from fxlab.timbre.voice import sound
from fxlab.training.loop import Run

FXLAB, BASELINE = "fxlab", "baseline"
VARIANTS = {
    "two scales": Steps(scales=True),
    "segments": Steps(segments=True),
    "batches": Steps(batches=True),
    "several recordings": Steps(several=True),
    "all four steps": Steps(True, True, True, True),
}
"""What is measured besides the baseline as it is."""
BUDGET_S = 180.0
_RATE_HZ = 44_100
_FIRST_JUDGED, _JUDGED_AGAIN = 2, 1.1


@dataclass
class Request:
    """What to learn from, and for how long.

    Args:
        inputs: Recordings; none takes what the instrument that ships plays.
        budget_s: Seconds of training for each trainer; 0 for `BUDGET_S`.
        threads: torch's.
        seed: Of everything that is drawn.
        plot, html: A picture and a page to write, None for none; with `force` over others.
        command: What was typed, for the page.
    """

    inputs: Sequence[str | Path]
    budget_s: float = 0.0
    threads: int = 1
    seed: int = 0
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    force: bool = False


@dataclass
class Trainer:
    """One way to learn.

    Args:
        name: For the report.
        step: Learns once.
        play: Each part kept back as it plays it now, (samples,), and as it was recorded.
        loss: Of such a pair.
        curve: Judgements as (its own seconds, steps, loss).
    """

    name: str
    step: Callable[[], object]
    play: Callable[[], list[tuple[Tensor, Tensor]]]
    loss: Callable[[Tensor, Tensor], Tensor]
    seconds: float = 0.0
    steps: int = 0
    curve: list[tuple[float, int, float]] = field(default_factory=list)

    def judge(self) -> float:
        """The loss on what is kept back, its parts by their lengths."""
        with torch.no_grad():
            pairs = self.play()
            losses = [float(self.loss(sound[None], audio[None])) * len(audio) for sound, audio in pairs]
        return sum(losses) / sum(len(audio) for _, audio in pairs)

    @property
    def best(self) -> float:
        return min((loss for _, _, loss in self.curve), default=math.inf)

    def reached(self, loss: float) -> float | None:
        """Its seconds when it was first judged no worse, None where it never was."""
        return next((seconds for seconds, _, found in self.curve if found <= loss), None)


@dataclass(frozen=True)
class Result:
    """Everything measured.

    Args:
        trainers: The baseline, its variants, fxlab.
        speeds: Of the synthesizer.
        setup: Recordings, lengths, threads, budget.
        interrupted: Whether it ended before its time.
        heard: The longest part kept back as it was recorded and as it is played in the end; empty unless a page is wanted.
        html, html_error: The page that was written, or why there is none though one was asked for.
    """

    machine: Machine
    setup: dict[str, Any]
    trainers: list[Trainer]
    speeds: list[Speed]
    interrupted: bool
    heard: Sequence[Heard] = ()
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def ours(self) -> Trainer:
        """fxlab."""
        return self.trainers[-1]

    def ratio(self, other: Trainer) -> float | None:
        """The time in which another came to its best loss over fxlab's time to that loss; None where fxlab never was as good."""
        own, theirs = self.ours.reached(other.best), other.reached(other.best)
        return theirs / own if own and theirs else None

    def to_json(self) -> dict[str, Any]:
        rows = [
            {
                "name": one.name,
                "steps": one.steps,
                "seconds": one.seconds,
                "step_s": one.seconds / max(1, one.steps),
                "best_loss": one.best,
                "seconds_to_best": one.reached(one.best),
                "fxlab_seconds_to_it": self.ours.reached(one.best),
                "fxlab_times_as_fast": self.ratio(one),
                "curve": one.curve,
            }
            for one in self.trainers
        ]
        return {
            "machine": self.machine.to_json(),
            "setup": self.setup,
            "trainers": rows,
            "synthesizer": [dataclasses.asdict(speed) for speed in self.speeds],
            "interrupted": self.interrupted,
            "html": self.html and str(self.html),
        }


def run(request: Request, progress: Progress = silent) -> Result:
    """Trains in every way.

    Raises:
        InputError: A recording that can't be read or learnt from, or none that is long enough to keep a part of it back.
        UsageError, OutputError: The picture can't be written.
    """
    require_picture(request.plot)
    require_writable(request.plot, request.force)
    require_page(request.html, (request.plot, *map(Path, request.inputs)), request.force)
    machine, began = describe(), time.perf_counter()
    profile = load(train_instrument.PROFILE)
    config = train_instrument.config_for(profile.model.size, profile.grow)
    with _recordings(request.inputs) as paths:
        corpus = gather(paths, config, SwiftF0(), profile.grow.segment_s, profile.grow.hold_out, None, progress)
    takes = [take for take in corpus.takes if take.kept]
    if not takes:
        raise InputError("No recording is long enough to keep a part of it back.", "Name one of 4 seconds or more with --input.")
    before = torch.get_num_threads()
    torch.set_num_threads(request.threads)
    try:
        trainers = [_baseline(BASELINE, takes, Steps(), request.seed)]
        for name, steps in VARIANTS.items():
            if len(takes) > 1 or not steps.several or name == "all four steps":
                trainers.append(_baseline(name, takes, steps, request.seed))
        trainers.append(_ours(profile, config, corpus.measures, takes, request.seed))
        with stop_on_ctrl_c() as stopping:
            _train(trainers, request.budget_s or BUDGET_S, stopping, progress)
            interrupted = stopping()
    finally:
        torch.set_num_threads(before)
    setup = {
        "suite": "grow",
        "recordings": corpus.listed,
        "kept_back_s": sum(len(take.kept) for take in takes) / config.frame_rate_hz,
        "threads": request.threads,
        "budget_s": request.budget_s or BUDGET_S,
        "seed": request.seed,
        "profile": train_instrument.PROFILE,
        "total_s": time.perf_counter() - began,
    }
    heard = [_heard(trainers, config.sample_rate_hz)] if request.html else []
    result = Result(machine, setup, trainers, speeds(config, request.seed), interrupted, heard)
    if request.plot:
        from fxlab.services.bench.grow_plot import figure

        write_plot(figure(result), request.plot)
    if request.html is None:
        return result
    from fxlab.services.bench.grow_page import page_of

    return with_page(result, request.html, lambda: page_of(result, request.command), request.force)


@contextlib.contextmanager
def _recordings(inputs: Sequence[str | Path]) -> Iterator[list[Path]]:
    """The files named; without any, a file of what the instrument that ships plays."""
    if inputs:
        yield expand(inputs)
        return
    model = read_instrument()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "phrase.wav"
        phrase = phrase_of(model.card, model.config.frame_rate_hz)
        with Writer(path, _RATE_HZ, 1, "FLOAT") as writer:
            writer.write(sum(sound(model, phrase, _RATE_HZ))[None])
        yield [path]


def _baseline(name: str, takes: list[Take], steps: Steps, seed: int) -> Trainer:
    trainer = BaselineTrainer(takes, steps, seed)
    kept = [cut(take, take.kept) for take in takes]

    def played() -> list[tuple[Tensor, Tensor]]:
        return [(trainer.network.play(given[None], len(audio))[0], audio) for given, audio in kept]

    return Trainer(name, trainer.step, played, SpectralLoss())


def _ours(profile, config, measures: dict[str, Any], takes: list[Take], seed: int) -> Trainer:
    torch.manual_seed(seed)
    settings = dataclasses.replace(profile.train, seed=seed)
    state = Run.fresh(Ddsp(config), settings)
    lesson = Lesson(profile.grow, config.sample_rate_hz)
    segment = math.ceil(profile.grow.segment_s * config.frame_rate_hz)
    segments = Segments(takes, measures, config, segment, profile.grow.timbre_dropout, seed)
    silently = {"validate": lambda run: None, "save": lambda *_: None, "report": lambda *_: None}
    loop = InstrumentLoop(state, segments, settings, lesson, **silently)
    batches = (
        batch
        for epoch in range(settings.epochs * 1000)
        for batch in segments.epoch(epoch, settings.batch_size * settings.accumulate, settings.steps_per_epoch)
    )
    kept = [batch for _, batch in held_out(takes, measures, config, with_timbre=True)]
    judged = Ddsp(config)

    def step() -> None:
        loop._step(next(batches))
        state.step += 1

    trial = Run.fresh(Ddsp(config), settings)
    InstrumentLoop(trial, segments, settings, lesson, **silently)._step(next(segments.epoch(0, settings.batch_size, 1)))

    def played() -> list[tuple[Tensor, Tensor]]:
        judged.load_state_dict(state.weights())
        return [(play(judged, batch, 0)[0][0], batch.audio[0]) for batch in kept]

    return Trainer(FXLAB, step, played, lesson.spectral)


def _train(trainers: list[Trainer], budget_s: float, stopping: Callable[[], bool], progress: Progress) -> None:
    """Turns until everyone had its time."""
    due = {one.name: _FIRST_JUDGED for one in trainers}
    while (open_ones := [one for one in trainers if one.seconds < budget_s]) and not stopping():
        one = min(open_ones, key=lambda each: each.seconds)
        began = time.perf_counter()
        one.step()
        one.seconds, one.steps = one.seconds + time.perf_counter() - began, one.steps + 1
        if one.steps >= due[one.name] or one.seconds >= budget_s:
            one.curve.append((one.seconds, one.steps, one.judge()))
            due[one.name] = max(one.steps + 1, math.ceil(one.steps * _JUDGED_AGAIN))
        losses = {each.name: f"{each.best:.2f}" for each in (trainers[0], trainers[-1])}
        progress("Training", sum(min(each.seconds, budget_s) for each in trainers), budget_s * len(trainers), **losses)


def _heard(trainers: Sequence[Trainer], rate_hz: int) -> Heard:
    """What was kept back beside the baseline, its last variant and fxlab."""
    versions: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for one in (trainers[0], *trainers[-2:]):
            sound, audio = max(one.play(), key=lambda pair: len(pair[1]))
            versions.setdefault("recording", audio.numpy()[None])
            versions[one.name] = sound.numpy()[None]
    return Heard("what nobody learnt from", rate_hz, versions)
