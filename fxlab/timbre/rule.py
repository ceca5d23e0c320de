"""The automaton's rule: what a cell makes of itself and its neighbours, step by step, until an instrument has grown.

Cells are harmonics, then noise bands. After Mordvintsev et al., "Growing Neural Cellular Automata" (Distill 2020): several
channels, a residual update that nothing squashes, only some cells updated in a step, and life only where something near lives.
Different from it: the cells form the graph of `kinship` rather than a grid, and the rule is told where a cell is and how loud it
is in the instrument's own spectrum, so that one rule serves every pitch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from fxlab.models.model import Model
from fxlab.timbre.classic import SHAPES, ClassicRule
from fxlab.timbre.config import InstrumentConfig, Shape
from fxlab.timbre.kinship import Kinship, kinship

STEPS = 32
"""Of the automaton from age 0 to age 1, unless told otherwise."""
FIRE_RATE = 0.5
ALIVE = 0.1
"""A cell lives if its growth, or a neighbour's, exceeds this."""
RANGE_DB = 60.0
"""Gain of growth 1 over growth just above 0; growth 0 is silence."""
LEVELS_DB = 60.0
"""How far below the strongest cell one is when its level is 0."""
PLACES = 5
CONDITIONS = PLACES + 4
"""Where a cell is, its level, and what is the same for all: how rich the spectrum is, pitch, loudness."""
PITCHES, LOUDNESSES = 2.0, 3.0
"""Beyond minus and plus these the rule hears no difference: rests and other extremes that no recording had."""
FAINT = 0.05
"""Level up to which a cell counts for less than one."""


def rule_shapes(config: InstrumentConfig) -> dict[str, Shape]:
    """Name to shape of every weight of the automaton that `config` names; raises `ValueError` for an impossible one."""
    if config.automaton == "classic":
        return dict(SHAPES)
    if config.channels < 2:
        raise ValueError("an automaton needs a channel for growth and one besides")
    return {
        "hidden.weight": (config.cell_hidden, 4 * config.channels + CONDITIONS),
        "hidden.bias": (config.cell_hidden,),
        "update.weight": (config.channels, config.cell_hidden),
    }


def automaton_of(model: Model) -> Rule | ClassicRule:
    """The automaton that an instrument has; its configuration names one."""
    weights = {name: model.weights[f"automaton.{name}"] for name in rule_shapes(model.config)}
    return rule_of(model.config, weights)


def rule_of(config: InstrumentConfig, weights: Mapping[str, np.ndarray]) -> Rule | ClassicRule:
    """The automaton that a configuration names, with these weights."""
    return ClassicRule(config, weights) if config.automaton == "classic" else Rule(config, weights)


def levels_of(amplitudes: np.ndarray, harmonics: int) -> np.ndarray:
    """Level of each cell against the strongest, 1 for 0 dB and 0 for -60 dB and below, (..., cells) float32.

    A band of magnitude m carries m / sqrt(bands) of noise, a harmonic of amplitude a carries a / sqrt(2).

    Args:
        amplitudes: `Controls.cells()`: linear amplitudes of harmonics, then magnitudes of noise bands, (..., cells).
        harmonics: How many of the cells are harmonics.
    """
    bands = amplitudes.shape[-1] - harmonics
    scale = np.concatenate([np.ones(harmonics), np.full(bands, np.sqrt(2 / max(bands, 1)))])
    heard = np.maximum(np.abs(amplitudes) * scale, 1e-12)
    decibels = 20 * np.log10(heard / heard.max(axis=-1, keepdims=True))
    return np.clip(1 + decibels / LEVELS_DB, 0.0, 1.0).astype(np.float32)


def presence(levels: np.ndarray) -> np.ndarray:
    """How far each cell counts as one that is heard, 0..1."""
    return np.minimum(levels / FAINT, 1.0)


def gain_of(growth: np.ndarray) -> np.ndarray:
    """Growth to linear gain: exactly 0 up to 0, exactly 1 from 1 on, 6 dB for each tenth between."""
    least = 10 ** (-RANGE_DB / 20)
    grown = np.clip(growth, 0.0, 1.0)
    return ((10 ** (RANGE_DB / 20 * (grown - 1)) - least) / (1 - least)).astype(np.float32)


class Rule:
    """An automaton; a state is float32 (..., cells, channels), channel 0 being growth.

    All methods take states with any leading dimensions and give new arrays.

    Args:
        config: Of the instrument.
        weights: As `rule_shapes` has them.
    """

    def __init__(self, config: InstrumentConfig, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.weights = {name: np.asarray(weights[name], np.float32) for name in rule_shapes(config)}
        self.kin = kinship(config.harmonics, config.bands)
        self._places = places(config)

    def seeded(self) -> np.ndarray:
        """Harmonic 1 alone, all its channels 1, (cells, channels)."""
        state = np.zeros((self.config.cells, self.config.channels), np.float32)
        state[0] = 1.0
        return state

    def step(
        self, state: np.ndarray, levels: np.ndarray, pitch: np.ndarray, loudness: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The next state.

        Args:
            state: (..., cells, channels).
            levels: Of the instrument's own spectrum as `levels_of` gives them, (..., cells).
            pitch: (MIDI note - 60) / 24, (...).
            loudness: Standardised, (...).
            rng: Draws which cells are updated.
        """
        fires = rng.random(state.shape[:-1], dtype=np.float32) < FIRE_RATE
        conditions = self.conditions(levels, pitch, loudness)
        before = alive(self.kin, state[..., 0])
        heard = np.concatenate([perceive(self.kin, state), conditions], axis=-1)
        hidden = np.maximum(heard @ self.weights["hidden.weight"].T + self.weights["hidden.bias"], 0.0)
        after = state + (hidden @ self.weights["update.weight"].T) * fires[..., None]
        return after * (before & alive(self.kin, after[..., 0]))[..., None]

    def conditions(self, levels: np.ndarray, pitch: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        """What each cell is told besides its neighbourhood, (..., cells, CONDITIONS)."""
        told = np.empty((*np.shape(levels), CONDITIONS), np.float32)
        told[..., :PLACES] = self._places
        told[..., PLACES] = levels
        told[..., PLACES + 1] = presence(levels).mean(axis=-1, keepdims=True)
        told[..., PLACES + 2] = np.clip(pitch, -PITCHES, PITCHES)[..., None]
        told[..., PLACES + 3] = np.clip(loudness, -LOUDNESSES, LOUDNESSES)[..., None]
        return told

    def growth(self, state: np.ndarray) -> np.ndarray:
        """0 (silent) to 1 (whole) of each cell, (..., cells); it may overshoot a little."""
        return state[..., 0]

    def gain(self, growth: np.ndarray) -> np.ndarray:
        """Linear gain of a growth."""
        return gain_of(growth)

    def gains(self, state: np.ndarray) -> np.ndarray:
        """Linear gain of each cell, (..., cells)."""
        return gain_of(state[..., 0])

    def damaged(self, state: np.ndarray, first: int, last: int) -> np.ndarray:
        """A copy in which the cells first..last - 1 are dead."""
        state = state.copy()
        state[..., first:last, :] = 0.0
        return state


@lru_cache(maxsize=8)
def places(config: InstrumentConfig) -> np.ndarray:
    """Where each cell is: number, its logarithm, whether it is noise, whether it is even, kinship to harmonic 1; (cells, 5)."""
    numbers = np.concatenate([np.arange(1, config.harmonics + 1), np.arange(1, config.bands + 1)])
    counts = np.repeat([config.harmonics, config.bands], [config.harmonics, config.bands])
    cost = kinship(config.harmonics, config.bands).cost
    noise = np.arange(config.cells) >= config.harmonics
    found = np.column_stack([numbers / counts, np.log(numbers) / np.log(counts), noise, numbers % 2 == 0, cost / cost.max()])
    return found.astype(np.float32)


def perceive(kin: Kinship, state: np.ndarray) -> np.ndarray:
    """What a cell sees of the states around it: itself and `kin.views`, (..., cells, 4 * channels)."""
    around = np.matmul(kin.views, state[..., None, :, :])
    return np.concatenate([state, around[..., 0, :, :], around[..., 1, :, :], around[..., 2, :, :]], axis=-1)


def alive(kin: Kinship, growth: np.ndarray) -> np.ndarray:
    """Which cells live, bool (..., cells): those that have grown beyond `ALIVE`, and their neighbours.

    Args:
        kin: Who is whose neighbour.
        growth: Channel 0, (..., cells).
    """
    grown = np.concatenate([growth > ALIVE, np.zeros((*growth.shape[:-1], 1), bool)], axis=-1)
    return grown[..., :-1] | grown[..., kin.relatives].any(axis=-1)
