"""Growth along a performance: an automaton led by a lane of ages, with damage on the way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.timbre.classic import ClassicRule
from fxlab.timbre.rule import STEPS, Rule

Damage = tuple[int, slice]
"""From which frame on which cells (as indices, harmonics first) are cut."""


@dataclass(frozen=True)
class Growth:
    """What became of an instrument's cells.

    Args:
        gains: Linear, 0..1, for `Controls.gated`, (frames, cells).
        growth: What the gains are made of, 0..1, linear in dB for fxlab's automaton, (frames, cells).
        steps: How many steps of the automaton each frame is old, with fractions, (frames,).
    """

    gains: np.ndarray
    growth: np.ndarray
    steps: np.ndarray


class Grower:
    """Leads an automaton through a performance; successive calls of `play` go on where the last one ended.

    Age `a` is `a * steps` steps of the automaton; between two steps its growth is interpolated, and above age 1 it goes on. A
    frame's step is taken under that frame's conditions. Where the ages fall, what was is replayed backwards, and forwards again
    where they rise anew. Damage cuts the present and the past that could be replayed; what comes after is made anew, so that cut
    cells come back as the ages rise.

    Args:
        rule: The automaton.
        damages: What is cut when.
        regrow_steps: Steps per frame that the automaton lives on by after damage while its age stands still; the lane of ages
            then leads from there.
        seed: Of the cells that are updated in each step.
        steps: From age 0 to age 1.
    """

    def __init__(
        self,
        rule: Rule | ClassicRule,
        damages: Sequence[Damage] = (),
        regrow_steps: float = 0.0,
        seed: int = 0,
        steps: int = STEPS,
    ) -> None:
        self.rule, self._steps, self._regrow = rule, steps, regrow_steps
        self._history = _History(rule, seed)
        self._cut = sorted(damages, key=lambda damage: damage[0])
        self._frame, self._age, self._place, self._hurt = 0, 0.0, 0.0, False

    def play(self, levels: np.ndarray, pitch: np.ndarray, loudness: np.ndarray, ages: np.ndarray) -> Growth:
        """The growth in the next frames.

        Args:
            levels: Of the instrument's own spectrum in each frame (`levels_of`), (frames, cells).
            pitch: (MIDI note - 60) / 24, (frames,).
            loudness: Standardised, (frames,).
            ages: 0 and above, (frames,).
        """
        at = np.empty(len(ages))
        growths = np.empty((len(ages), self.rule.config.cells), np.float32)
        for frame, age in enumerate(np.maximum(ages, 0.0)):
            ahead = (age - self._age) * self._steps
            self._place = max(self._place + (self._regrow if self._hurt and ahead == 0 else ahead), 0.0)
            at[frame] = self._place
            here = self._place, levels[frame], pitch[frame], loudness[frame]
            growths[frame] = self._history.growth(*here)
            while self._cut and self._cut[0][0] <= self._frame:
                self._history.damage(self._place, self._cut.pop(0)[1])
                self._hurt = True
                growths[frame] = self._history.growth(*here)
            self._frame, self._age = self._frame + 1, age
        return Growth(self.rule.gain(growths), growths, at)


def grow(
    rule: Rule | ClassicRule,
    levels: np.ndarray,
    pitch: np.ndarray,
    loudness: np.ndarray,
    ages: np.ndarray,
    damages: Sequence[Damage] = (),
    regrow_steps: float = 0.0,
    seed: int = 0,
    steps: int = STEPS,
) -> Growth:
    """A whole performance by a `Grower`."""
    return Grower(rule, damages, regrow_steps, seed, steps).play(levels, pitch, loudness, ages)


class _History:
    """All states so far, by step. What is drawn in a step depends on the seed and the step alone."""

    def __init__(self, rule: Rule | ClassicRule, seed: int) -> None:
        self.rule, self.seed = rule, seed
        self.states = [rule.seeded()]

    def growth(self, place: float, levels: np.ndarray, pitch: float, loudness: float) -> np.ndarray:
        """At a step with its fraction; steps that were never taken are taken under these conditions."""
        step = int(place)
        share = np.float32(place - step)
        while len(self.states) <= step + (share > 0):
            rng = np.random.default_rng([self.seed, len(self.states)])
            self.states.append(self.rule.step(self.states[-1], levels, pitch, loudness, rng))
        here, *after = (np.clip(self.rule.growth(state), 0.0, 1.0) for state in self.states[step : step + 1 + (share > 0)])
        return here + share * (after[0] - here) if after else here

    def damage(self, place: float, cells: slice) -> None:
        """Cuts cells in what a place lies between and in all before; what comes after is forgotten."""
        first, last, _ = cells.indices(self.rule.config.cells)
        del self.states[math.ceil(place) + 1 :]
        self.states = [self.rule.damaged(state, first, last) for state in self.states]
