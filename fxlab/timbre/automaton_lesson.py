"""What fxlab's automaton is taught: the path of growth, its end, to stay there, and to come back from damage.

A pool of states (Mordvintsev et al. 2020) holds instruments of every age. Each iteration takes some of them, cuts cells out of a
few, lets them live for some steps and compares every step with the path at that age (`fxlab.timbre.path`), not the end alone: a
rule that is told the end alone jumps there at once. What comes out goes back into the pool, so that the rule learns from what it
makes of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.models.model import Weights
from fxlab.timbre.automaton_gradient import Rollout
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.path import RISE, births, target
from fxlab.timbre.rule import FIRE_RATE, STEPS, Rule, places, rule_shapes

WHOLE, MOST = 1.05, 1.2
"""A whole cell's growth is to end up between these: a little above 1, so that its gain is exactly 1."""
BOUND = 2.0
"""No channel is to leave -2..2."""
OVERFLOW = 0.1
"""Weight of what does."""
HEARD = 0.25
"""Weight of an unheard cell's error as against that of the strongest."""
LATE, URGENT = 0.92, 8.0
"""Age from which on the error of any cell, heard or not, weighs so much: who is late on the way hurries at its end. What isn't
heard under one condition may be under the next, when the age has come to stand."""
LIFE = 2.5
"""Ages that a state lives through, on average, before it begins anew."""
MOVED, CUT = 0.25, 0.2
"""Shares of a batch that are put under other conditions, and that are damaged."""
SHORTEST_CUT, LONGEST_CUT = 0.1, 0.6
"""Shares of the harmonics, or of the noise bands."""
OLDEST = 4
"""Ages from which on states begin anew."""
KEPT = 1024
"""Frames that are learnt from, half of them altered."""


@dataclass(frozen=True)
class AutomatonSettings:
    """How to train.

    Args:
        iterations: Steps of the optimiser.
        batch: States per iteration.
        pool: States in all.
        learning_rate: To begin with.
        window: Steps of the automaton per iteration.
        steps: Of the automaton from age 0 to age 1.
    """

    iterations: int = 1000
    batch: int = 16
    pool: int = 256
    learning_rate: float = 4e-3
    window: int = 16
    steps: int = STEPS


class PathLesson:
    """The path, for fxlab's automaton.

    Args:
        config: Of the instrument.
        levels: Of the instrument's own spectrum in some frames, as `Rule.step` takes them, (n, cells).
        pitch: Of these frames, (n,).
        loudness: Of these frames, (n,).
        settings: How to train.
        seed: Of all that is drawn.
    """

    normalised = True
    """Each weight's gradient is brought to length 1."""

    def __init__(
        self,
        config: InstrumentConfig,
        levels: np.ndarray,
        pitch: np.ndarray,
        loudness: np.ndarray,
        settings: AutomatonSettings,
        seed: int,
    ) -> None:
        self.config, self.settings, self.seed = config, settings, seed
        self.levels, pitch, loudness = varied(config, levels, pitch, loudness, np.random.default_rng(seed))
        rule = Rule(config, self.fresh())
        self._conditions = rule.conditions(self.levels, pitch, loudness)
        self._born = births(rule.kin, self.levels, settings.steps).astype(np.float32)
        self._seeded = rule.seeded()
        self._rollout = Rollout(config, settings.window, settings.batch)
        self._states = np.repeat(self._seeded[None], settings.pool, axis=0)
        self._steps = np.zeros(settings.pool, np.int64)
        self._frames = np.random.default_rng([seed, 0]).integers(len(self.levels), size=settings.pool)

    def fresh(self) -> Weights:
        """Weights to begin with; the last layer's are 0, so that a fresh automaton does nothing."""
        shapes, rng = rule_shapes(self.config), np.random.default_rng(self.seed)
        bound = shapes["hidden.weight"][1] ** -0.5
        weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        weights["hidden.weight"] = rng.uniform(-bound, bound, shapes["hidden.weight"]).astype(np.float32)
        return weights

    def tensors(self) -> dict[str, np.ndarray]:
        """The pool; written to in place it is restored."""
        return {"states": self._states, "steps": self._steps, "frames": self._frames}

    def gradients(self, weights: Weights, iteration: int) -> tuple[float, Weights]:
        """The loss of one iteration and its gradients; what is drawn depends on the seed and the iteration alone."""
        settings, rng = self.settings, np.random.default_rng([self.seed, 1 + iteration])
        chosen = rng.choice(settings.pool, settings.batch, replace=False)
        self._prepare(chosen, rng)
        frames = self._frames[chosen]
        fires = rng.random((settings.window, self.config.cells, settings.batch), dtype=np.float32) < FIRE_RATE
        before, conditions = (np.moveaxis(array, 0, 1) for array in (self._states[chosen], self._conditions[frames]))
        states = self._rollout.run(weights, before, conditions, fires.astype(np.float32))
        loss, slope = self._loss(states, frames, self._steps[chosen])
        self._states[chosen] = np.moveaxis(states[-1], 1, 0)
        self._steps[chosen] += settings.window
        return loss, self._rollout.gradients(slope)

    def _prepare(self, chosen: np.ndarray, rng: np.random.Generator) -> None:
        """Begins some anew, puts some under other conditions, damages some."""
        fate = rng.random(len(chosen))
        share = min(0.5, self.settings.window / (LIFE * self.settings.steps))
        anew = chosen[(fate < share) | (self._steps[chosen] > OLDEST * self.settings.steps)]
        self._states[anew], self._steps[anew] = self._seeded, 0
        moved = np.concatenate([anew, chosen[fate > 1 - MOVED]])
        self._frames[moved] = rng.integers(len(self.levels), size=len(moved))
        chains = ((0, self.config.harmonics), (self.config.harmonics, self.config.bands))
        for index in chosen[rng.random(len(chosen)) < CUT]:
            first, count = chains[rng.integers(2)]
            length = int(rng.uniform(SHORTEST_CUT, LONGEST_CUT) * count)
            start = first + int(rng.integers(count - length + 1))
            if self._steps[index]:  # a seed that is cut is dead
                self._states[index, start : start + length] = 0.0

    def _loss(self, states: np.ndarray, frames: np.ndarray, steps: np.ndarray) -> tuple[float, np.ndarray]:
        """Of the states before the first and behind each step, (window + 1, cells, batch, channels), and its gradient.

        No cell is to rise quicker than one that is born, so that a cut heals visibly rather than at once.
        """
        ages = (steps + np.arange(1, len(states))[:, None]) / self.settings.steps
        wanted = np.moveaxis(target(self._born[frames], ages), 2, 1).astype(np.float32)
        before, growth = states[:-1, ..., 0], states[1:, ..., 0]
        low = np.where(wanted >= 1, np.float32(WHOLE), np.where(wanted <= 0, np.float32(-BOUND), wanted))
        high = np.where(wanted >= 1, np.float32(MOST), wanted)
        soon = before + np.float32(1 / (FIRE_RATE * RISE * self.settings.steps))
        error = np.minimum(growth - np.minimum(low, soon), 0.0) + np.maximum(growth - np.minimum(high, soon), 0.0)
        weights = (HEARD + (1 - HEARD) * self.levels[frames]).T * np.where(ages > LATE, np.float32(URGENT), np.float32(1))[
            :, None
        ]
        beyond = states[1:] - np.clip(states[1:], -BOUND, BOUND)
        scale = 1.0 / error.size
        loss = scale * float((weights * error**2).sum() + OVERFLOW * (beyond**2).sum())
        slope = np.float32(2 * scale * OVERFLOW) * beyond
        slope[..., 0] += np.float32(2 * scale) * weights * error
        return loss, slope


def varied(
    config: InstrumentConfig, levels: np.ndarray, pitch: np.ndarray, loudness: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`KEPT` conditions: half of them frames as they are, half altered at random.

    Their spectra are tilted, rippled and cut off, their pitch and loudness changed: so that the rule holds for notes that nobody
    played to it, and for instruments that are still to be fine-tuned.
    """
    half = KEPT // 2
    chosen = rng.choice(len(levels), half, replace=len(levels) < half)
    chosen = np.concatenate([chosen, chosen])
    levels, pitch, loudness = (np.asarray(array, np.float32)[chosen] for array in (levels, pitch, loudness))
    heights, noise = places(config)[:, 1], places(config)[:, 2]
    bend = rng.uniform(-0.4, 0.4, (half, 1)) * heights + rng.uniform(-0.3, 0.3, (half, 1)) * noise
    altered = levels[half:] + bend + rng.normal(0.0, 0.05, (half, config.cells))
    altered += 1.0 - altered.max(axis=1, keepdims=True)
    tops = np.where(rng.random((half, 1)) < 0.3, rng.random((half, 1)), 1.0)
    altered[(heights > tops) & (noise == 0)] = 0.0
    levels[half:] = np.clip(altered, 0.0, 1.0)
    pitch[half:] += rng.normal(0.0, 0.5, half)
    loudness[half:] += rng.normal(0.0, 1.0, half)
    return levels, pitch, loudness
