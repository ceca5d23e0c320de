"""`fxlab bench --suite training`: how fast fxlab trains, beside Neural Amp Modeler's own trainer where that is installed.

Both train the same network from the same weights on the same pairs, with as many segments of the same length in a step. They take
turns, always the one whose own clock is behind, so that both get the same time; judging the networks counts for neither.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fxlab.errors import FxlabError, MissingError, UsageError
from fxlab.metrics.timing import Interval, bootstrap_median
from fxlab.models.registry import architecture, build
from fxlab.models.tcn_config import TCNConfig
from fxlab.progress import Progress, silent
from fxlab.services.bench import training_nam as bench_training_nam
from fxlab.services.bench.output import require_page, require_picture, require_writable, with_page, write_plot
from fxlab.services.bench.training_data import load_pairs
from fxlab.services.bench.turns import Runner
from fxlab.services.machine import Machine, describe
from fxlab.settings import EffectSettings, ModelSettings, TrainSettings
from fxlab.training.data import Segments
from fxlab.training.evaluate import pooled_esr
from fxlab.training.loop import Loop, Run
from fxlab.training.losses import loss
from fxlab.training.objective import IMPROVING
from fxlab.training.pair import Pair

BATCH, SEGMENT = 16, 8192
"""Of both trainers where nothing else is asked for: Neural Amp Modeler's."""

BUDGET_S = 120.0
_TURN_S, _JUDGED = 2.0, 24
_WARM_UP_STEPS, _LATEST = 3, 1.3


@dataclass
class Request:
    """What to train, on what, for how long.

    Args:
        dataset: A folder that `fxlab dataset` made; None for a clip through `effect`.
        effect: What to learn then; None for the saturator.
        model: A TCN and its size.
        settings: How fxlab trains; batch and segment are those of both.
        budget_s: Seconds of training for each; 0 for `BUDGET_S`.
        steps: Steps for each instead of a time, 0 for none.
        plot, html: A picture and a page to write, None for none; with `force` over others.
        command: What was typed, for the page.
    """

    dataset: Path | None = None
    effect: EffectSettings | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    settings: TrainSettings = field(default_factory=TrainSettings)
    budget_s: float = 0.0
    steps: int = 0
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    force: bool = False


@dataclass(frozen=True)
class Trained:
    """What one trainer did.

    Args:
        name: "fxlab" or "neural-amp-modeler".
        version: Its version.
        steps: Taken.
        seconds: Its own training time.
        step_s: Median time of a step, with an interval.
        curve: Judgements as (its own seconds, steps, validation ESR).
        settings: How it trains.
    """

    name: str
    version: str
    steps: int
    seconds: float
    step_s: Interval
    curve: list[tuple[float, int, float]]
    settings: dict[str, Any]

    @property
    def best_esr(self) -> float:
        return min(esr for _, _, esr in self.curve)

    def reached(self, esr: float) -> float | None:
        """Its seconds when it was first judged no worse than that, None where it never was."""
        return next((seconds for seconds, _, found in self.curve if found <= esr), None)

    def stays(self, esr: float) -> float | None:
        """Its seconds from which on it was never judged worse than that, None where it was in the end."""
        worse = [number for number, (_, _, found) in enumerate(self.curve) if found > esr]
        behind = self.curve[worse[-1] + 1 :] if worse else self.curve
        return behind[0][0] if behind else None


@dataclass(frozen=True)
class TrainingResult:
    """Everything measured; the first trainer is fxlab's. `missing` says why there is no other, `html` where the page is and
    `html_error` why there is none though one was asked for."""

    machine: Machine
    setup: dict[str, Any]
    trainers: list[Trained]
    missing: str | None = None
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def comparison(self) -> dict[str, float | None] | None:
        """fxlab against the other, None without one.

        Steps per second as a ratio, and the time to the other's best ESR: until fxlab had a network as good, and until it had
        no worse one any more. Ratios of times are against the time in which the other got there.
        """
        if len(self.trainers) < 2:
            return None
        ours, theirs = self.trainers
        target = theirs.best_esr
        own, lasting, other = ours.reached(target), ours.stays(target), theirs.reached(target)
        return {
            "steps_per_second_ratio": theirs.step_s.median / ours.step_s.median,
            "target_esr": target,
            "their_seconds": other,
            "seconds": own,
            "time_ratio": own / other if own and other else None,
            "lasting_seconds": lasting,
            "lasting_time_ratio": lasting / other if lasting and other else None,
        }

    def to_json(self) -> dict:
        found = {"machine": self.machine.to_json(), "setup": self.setup, "comparison": self.comparison, "missing": self.missing}
        found["html"] = self.html and str(self.html)
        return found | {"trainers": [dataclasses.asdict(one) | {"best_esr": one.best_esr} for one in self.trainers]}


def run(request: Request, progress: Progress = silent) -> TrainingResult:
    """Trains with every trainer there is.

    Raises:
        UsageError: A network or a file name that can't be used.
        InputError: A dataset that can't be used, or has no validation split.
        CheckError: Training diverged.
    """
    require_picture(request.plot)
    require_writable(request.plot, request.force)
    require_page(request.html, (request.plot,), request.force)
    config = architecture(request.model.type).config(request.model.size)
    if not isinstance(config, TCNConfig):
        raise UsageError("The suite 'training' trains a TCN.", "Leave the model's type as tcn; its size is free.")
    if request.settings.loss in IMPROVING:
        raise UsageError(f"The suite 'training' compares by the ESR, not by {request.settings.loss}.", "Set the loss to effect.")
    began, machine = time.perf_counter(), describe()
    settings = dataclasses.replace(
        request.settings, batch_size=request.settings.batch_size or BATCH, segment=request.settings.segment or SEGMENT, epochs=1
    ).for_network(False)
    data, pairs, judged = load_pairs(request.dataset, request.effect, progress)
    torch.manual_seed(settings.seed)
    network = build(config)
    threads, before = settings.threads or torch.get_num_threads(), torch.get_num_threads()
    budget_s = request.budget_s or BUDGET_S
    torch.set_num_threads(threads)
    try:
        steps = request.steps or max(10, round(budget_s / _step_time(network, pairs, settings)))
        contestants = [_ours(network, pairs, dataclasses.replace(settings, steps_per_epoch=steps), threads)]
        missing = None
        try:
            contestants.append(_theirs(network, pairs, settings, threads))
        except MissingError as error:
            missing = f"{error.message} {error.hint}"
        _train(contestants, judged, budget_s, request.steps, progress)
    finally:
        torch.set_num_threads(before)
    setup = {
        "suite": "training",
        "data": data,
        "train_frames": sum(len(pair.target) for pair in pairs),
        "network": config.size,
        "parameters": config.parameters_count,
        "batch": settings.batch_size,
        "segment": settings.segment,
        "threads": threads,
        "budget_s": budget_s,
        "seed": settings.seed,
        "total_s": time.perf_counter() - began,
    }
    result = TrainingResult(machine, setup, [one.report() for one in contestants], missing)
    if request.plot:
        from fxlab.services.bench.training_plot import figure

        write_plot(figure(result), request.plot)
    if request.html is None:
        return result
    from fxlab.services.bench.training_page import page_of

    return with_page(result, request.html, lambda: page_of(result, request.command), request.force)


@dataclass
class _Contestant:
    """A trainer at work: `network` gives what it has learnt so far."""

    runner: Runner
    version: str
    network: Callable[[], nn.Module]
    settings: dict[str, Any]
    curve: list[tuple[float, int, float]] = field(default_factory=list)

    def judge(self, pairs: list[Pair]) -> None:
        esr = pooled_esr(copy.deepcopy(self.network()).eval(), pairs)
        self.curve.append((self.runner.seconds, len(self.runner.times_s), esr if math.isfinite(esr) else math.inf))

    def report(self) -> Trained:
        times = np.array(self.runner.times_s)
        usual = bootstrap_median(times[min(_WARM_UP_STEPS, len(times) - 1) :], 0)
        facts = (len(times), float(times.sum()), usual, self.curve, self.settings)
        return Trained(self.runner.name, self.version, *facts)


def _ours(network: nn.Module, pairs: list[Pair], settings: TrainSettings, threads: int) -> _Contestant:
    import fxlab

    state = Run.fresh(copy.deepcopy(network), settings)
    segments = Segments(pairs, settings.segment, network.receptive_field - 1, settings.seed)

    def work(runner: Runner) -> None:
        stop = False

        def report(current: Run, total: int, figures: dict) -> None:
            nonlocal stop
            stop = runner.stepped()

        Loop(state, segments, settings, loss(settings.loss), lambda _: 0.0, lambda *_: None, report, lambda: stop).go()

    def learnt() -> nn.Module:
        judged = copy.deepcopy(network)
        judged.load_state_dict(state.weights())
        return judged

    return _Contestant(Runner("fxlab", work, threads), fxlab.__version__, learnt, dataclasses.asdict(settings))


def _theirs(network: nn.Module, pairs: list[Pair], settings: TrainSettings, threads: int) -> _Contestant:
    trainer = bench_training_nam.Trainer(network, pairs, settings.segment, settings.batch_size, settings.seed)
    runner = Runner(bench_training_nam.PACKAGE, trainer.run, threads)
    return _Contestant(runner, bench_training_nam.version(), trainer.network, trainer.settings)


def _step_time(network: nn.Module, pairs: list[Pair], settings: TrainSettings) -> float:
    """Seconds that a step of ours takes, the first ones left out: compiled code is loaded then."""
    one = _ours(network, pairs, dataclasses.replace(settings, steps_per_epoch=1000), torch.get_num_threads())
    one.runner.turn(_WARM_UP_STEPS + 7)
    one.runner.stop()
    return float(np.median(one.runner.times_s[_WARM_UP_STEPS:]))


def _train(contestants: list[_Contestant], judged: list[Pair], budget_s: float, steps: int, progress: Progress) -> None:
    """Turns until everyone had its time, or took its steps; ours may finish its schedule on a machine that became slower."""

    def share(one: _Contestant) -> float:
        runner = one.runner
        if steps:
            return len(runner.times_s) / steps
        return runner.seconds / budget_s

    def done(one: _Contestant) -> bool:
        schedule = one is contestants[0] and not steps
        return one.runner.ended or share(one) >= (_LATEST if schedule else 1.0)

    for one in contestants:
        one.judge(judged)
    while open_ones := [one for one in contestants if not done(one)]:
        one = min(open_ones, key=share)
        taken = one.runner.times_s
        turn = max(1, round(_TURN_S / float(np.median(taken[-20:])))) if taken else 1
        before = share(one)
        one.runner.turn(min(turn, steps - len(taken)) if steps else turn)
        if math.floor(before * _JUDGED) < math.floor(share(one) * _JUDGED) or done(one):
            one.judge(judged)
        shares = {each.runner.name: f"{len(each.runner.times_s)} steps, ESR {each.curve[-1][2]:.3g}" for each in contestants}
        progress("Training", min(map(share, contestants)), 1.0, **shares)
    for one in contestants:
        one.runner.stop()
