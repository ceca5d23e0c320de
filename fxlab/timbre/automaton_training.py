"""Teaches an automaton: the loop, resumable to the bit, and what there is to say about the outcome.

What is drawn in an iteration depends on the seed and the iteration alone; a run that was resumed equals one that was left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from fxlab.errors import CheckError
from fxlab.models.model import Weights
from fxlab.progress import Progress, silent
from fxlab.timbre.automaton_lesson import AutomatonSettings, PathLesson
from fxlab.timbre.classic_training import ClassicLesson
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.growth_metrics import GrowthMetrics, measure
from fxlab.timbre.rule import rule_of

TASK = "Growing"
REPORT_EVERY = 10
SAVE_EVERY = 250
"""Iterations after which the progress is told, and the run is handed out to be saved."""
DECAYS, DECAY = (0.5, 0.75, 0.9), 0.25
"""Shares of the run from which on the learning rate is that much lower, each time."""
DEAD = 1e-9
"""A gradient shorter than that teaches nothing."""
FLAT, SUDDEN = 0.3, 0.2
"""Fill that is gained from the seed to age 1, and share of that time that its middle 80 % take, below which growth isn't any."""
CONDITIONS = 3
"""Under how many conditions the outcome is measured."""
_MOMENTS, _TINY, _CLIP = (0.9, 0.99), 1e-8, 1.0


class Lesson(Protocol):
    """What an automaton is taught in one iteration.

    Attributes:
        normalised: Whether each weight's gradient is brought to length 1, rather than all of them clipped at 1.
    """

    normalised: bool

    def fresh(self) -> Weights:
        """Weights to begin with."""
        ...

    def gradients(self, weights: Weights, iteration: int) -> tuple[float, Weights]:
        """The loss and its gradients."""
        ...

    def tensors(self) -> dict[str, np.ndarray]:
        """What it remembers from iteration to iteration; written to in place it is restored."""
        ...


def lesson_of(
    config: InstrumentConfig, conditions: tuple[np.ndarray, np.ndarray, np.ndarray], settings: AutomatonSettings, seed: int
) -> Lesson:
    """What an automaton is taught; see `PathLesson` for the conditions: levels, pitch and loudness of frames."""
    return (ClassicLesson if config.automaton == "classic" else PathLesson)(config, *conditions, settings, seed)


@dataclass(frozen=True)
class AutomatonReport:
    """How it went.

    Args:
        iterations: That were made.
        loss: Mean over the last tenth of them.
        gradient: Length of the last tenth's longest gradient.
        growth: Figures of the growth that came of it.
        warnings: What is wrong with it, in words; empty when all is well.
    """

    iterations: int
    loss: float
    gradient: float
    growth: GrowthMetrics
    warnings: list[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"growth": self.growth.to_json()}


@dataclass(frozen=True)
class AutomatonResult:
    """What `train_automaton` gives.

    Args:
        weights: By the names of `rule_shapes`.
        ended: "finished" or "interrupted".
        report: How it went.
        run: To be saved, if it is to be resumed.
    """

    weights: Weights
    ended: str
    report: AutomatonReport
    run: AutomatonRun


class AutomatonRun:
    """The state of a training run: weights, moments (Adam, Kingma & Ba 2015), and what the lesson remembers."""

    def __init__(self, lesson: Lesson, settings: AutomatonSettings) -> None:
        self.lesson, self.settings = lesson, settings
        self.weights = lesson.fresh()
        self.first = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.second = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.losses: list[float] = []
        self.norms: list[float] = []

    def tensors(self) -> dict[str, np.ndarray]:
        """All that resuming needs, by name; written to in place it is restored."""
        groups = {"weights": self.weights, "first": self.first, "second": self.second, "lesson": self.lesson.tensors()}
        return {f"{group}.{name}": array for group, arrays in groups.items() for name, array in arrays.items()}

    def record(self) -> dict[str, Any]:
        """The history as plain data."""
        return {"losses": self.losses, "norms": self.norms}

    def restore(self, tensors: dict[str, np.ndarray], record: dict[str, Any]) -> None:
        """Takes back what `tensors` and `record` gave.

        Raises:
            KeyError, ValueError: They belong to another run.
        """
        for name, array in self.tensors().items():
            if array.shape != tensors[name].shape:
                raise ValueError(name)
            array[...] = tensors[name]
        self.losses, self.norms = list(record["losses"]), list(record["norms"])

    def step(self) -> tuple[float, float]:
        """One iteration; returns the loss and the gradient's length."""
        done, rate = len(self.losses), self.settings.learning_rate
        if self.lesson.normalised:
            rate *= DECAY ** sum(done >= share * self.settings.iterations for share in DECAYS)
        loss, slopes = self.lesson.gradients(self.weights, done)
        lengths = {name: float(np.linalg.norm(slope)) for name, slope in slopes.items()}
        norm = math.hypot(*lengths.values())
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise CheckError(f"The automaton diverged in iteration {done}.", "Lower its learning rate.")
        self.losses.append(loss)
        self.norms.append(norm)
        fast, slow = _MOMENTS
        for name, slope in slopes.items():
            slope = slope / np.float32(lengths[name] + _TINY if self.lesson.normalised else max(norm / _CLIP, 1.0))
            self.first[name] += np.float32(1 - fast) * (slope - self.first[name])
            self.second[name] += np.float32(1 - slow) * (slope**2 - self.second[name])
            mean = self.first[name] / np.float32(1 - fast ** (done + 1))
            spread = np.sqrt(self.second[name] / np.float32(1 - slow ** (done + 1))) + np.float32(_TINY)
            self.weights[name] -= np.float32(rate) * mean / spread
        return loss, norm


def train_automaton(
    config: InstrumentConfig,
    levels: np.ndarray,
    pitch: np.ndarray,
    loudness: np.ndarray,
    settings: AutomatonSettings | None = None,
    seed: int = 0,
    progress: Progress = silent,
    stopping: Callable[[], bool] = lambda: False,
    restore: tuple[dict[str, np.ndarray], dict[str, Any]] | None = None,
    save: Callable[[AutomatonRun], None] = lambda run: None,
) -> AutomatonResult:
    """Teaches the automaton that `config` names to grow an instrument, which itself stays as it is.

    Args:
        config: Of the instrument.
        levels: Of its own spectrum (`levels_of`) in frames that it plays, (n, cells); frames in which it is silent don't help.
        pitch: (MIDI note - 60) / 24, (n,).
        loudness: Standardised, (n,).
        settings: How to train.
        seed: Of all that is drawn.
        progress: Told of it.
        stopping: Asked between iterations.
        restore: `tensors()` and `record()` of a run that goes on here; all else must be as it was.
        save: Called with the run from time to time.

    Raises:
        CheckError: It diverged.
        KeyError, ValueError: `restore` belongs to another run.
    """
    settings = settings or AutomatonSettings()
    lesson = lesson_of(config, (levels, pitch, loudness), settings, seed)
    run = AutomatonRun(lesson, settings)
    if restore is not None:
        run.restore(*restore)
    ended = "finished"
    while (done := len(run.losses)) < settings.iterations:
        if stopping():
            ended = "interrupted"
            break
        run.step()
        if done % REPORT_EVERY == 0:
            progress(TASK, done + 1, settings.iterations, loss=float(np.mean(run.losses[-REPORT_EVERY:])))
        if done % SAVE_EVERY == SAVE_EVERY - 1:
            save(run)
    progress(TASK, len(run.losses), settings.iterations)
    order = np.argsort(pitch, kind="stable")
    shown = order[np.linspace(0, len(order) - 1, 2 * CONDITIONS + 1).astype(int)[1::2]]
    growth = measure(rule_of(config, run.weights), levels[shown], pitch[shown], loudness[shown], steps=settings.steps)
    return AutomatonResult(run.weights, ended, _report(run, growth), run)


def _report(run: AutomatonRun, growth: GrowthMetrics) -> AutomatonReport:
    last = max(1, len(run.losses) // 10)
    loss = float(np.mean(run.losses[-last:])) if run.losses else math.nan
    norm = max(run.norms[-last:], default=0.0)
    warnings = []
    if norm < DEAD:
        warnings.append("The gradient is dead: the automaton has learnt nothing. Train it with another seed.")
    if growth.filled < FLAT:
        warnings.append(f"The path is flat: from its seed to age 1 only {growth.filled:.0%} of the cells are added.")
    elif growth.rise_time < SUDDEN:
        warnings.append(f"It doesn't grow, it jumps: nine tenths are there within {growth.rise_time:.0%} of the time.")
    return AutomatonReport(len(run.losses), loss, norm, growth, warnings)
