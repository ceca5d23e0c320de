"""How an instrument grows, in figures: its automaton beside the classic one and beside what growth should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fxlab.models.model import Model
from fxlab.progress import Progress
from fxlab.timbre.automaton_lesson import AutomatonSettings
from fxlab.timbre.automaton_training import train_automaton
from fxlab.timbre.classic import ClassicRule
from fxlab.timbre.growth import grow
from fxlab.timbre.growth_metrics import GrowthMetrics, click_db, measure
from fxlab.timbre.lanes import GROWING
from fxlab.timbre.performance import phrase_of
from fxlab.timbre.player import Player, inputs_of
from fxlab.timbre.rule import Rule, automaton_of, levels_of
from fxlab.timbre.voice import sound
from fxlab.wording import decibels, percent

SEEDS = 8
"""Runs under each condition."""

_SOUNDS_DB = 40.0  # below the phrase's loudest frame: what is softer says little of the instrument
_CONDITIONS = 3
_LEARNT = 512
_CLASSIC = 250  # iterations; a thousand change nothing


@dataclass(frozen=True)
class Target:
    """What growth should be.

    Attributes:
        name: Of the measure, for people.
        figure: Of `GrowthMetrics`.
        text: What it should be.
        met: Whether a value, with so many steps from age 0 to age 1, is that.
    """

    name: str
    figure: str
    text: str
    met: Callable[[float, int], bool]


TARGETS = (
    Target("order (Spearman of the fill curve)", "spearman", "> 0.95", lambda value, steps: value > 0.95),
    Target("cells gained", "filled", "> 90 %", lambda value, steps: value > 0.9),
    Target("time from 10 to 90 %", "rise_time", "> 40 % of the run", lambda value, steps: value > 0.4),
    Target("most cells in one step", "largest_jump", "< 15 %", lambda value, steps: value < 0.15),
    Target("rises among all changes", "rise_share", "> 90 %", lambda value, steps: value > 0.9),
    Target("distance to the whole, grown", "end_db", "< 0.5 dB", lambda value, steps: value < 0.5),
    Target("change from N to 4 N steps", "stability_db", "< 0.5 dB", lambda value, steps: value < 0.5),
    Target("half of a cut has healed", "half_life", "within N steps", lambda value, steps: value < steps),
    Target("difference of seeds, growing", "diversity", "> 0.02", lambda value, steps: value > 0.02),
    Target("difference of seeds, grown", "end_diversity", "< 0.01", lambda value, steps: value < 0.01),
    Target("clicks that growth adds", "click_db", "< 1 dB", lambda value, steps: value < 1.0),
)


@dataclass(frozen=True)
class Measured:
    """One automaton's figures; `click_db` as `fxlab.timbre.growth_metrics.click_db` has it, over the instrument's phrase."""

    growth: GrowthMetrics
    click_db: float

    def value(self, figure: str) -> float | None:
        return self.click_db if figure == "click_db" else getattr(self.growth, figure)

    def to_json(self) -> dict[str, Any]:
        return self.growth.to_json() | {"click_db": self.click_db}


@dataclass(frozen=True)
class Measures:
    """The figures of one instrument.

    Attributes:
        automatons: By name: its own, and the classic one.
        steps: From age 0 to age 1.
        seeds: Runs under each condition.
    """

    automatons: Mapping[str, Measured]
    steps: int
    seeds: int = SEEDS

    def met(self, target: Target, name: str) -> bool:
        """Whether an automaton meets a target."""
        value = self.automatons[name].value(target.figure)
        return value is not None and target.met(value, self.steps)

    def told(self, target: Target, name: str) -> str:
        """An automaton's figure in words."""
        value = self.automatons[name].value(target.figure)
        if value is None:
            return "never"
        if "%" in target.text:
            return percent(value)
        if target.text.endswith("dB"):
            return decibels(round(value, 1) + 0.0)
        return f"{value:.1f} steps" if target.figure == "half_life" else f"{value:.3f}"

    def to_json(self) -> dict[str, Any]:
        wanted = {target.figure: target.text for target in TARGETS}
        met = {name: {target.figure: self.met(target, name) for target in TARGETS} for name in self.automatons}
        figures = {name: one.to_json() for name, one in self.automatons.items()}
        return {"steps": self.steps, "seeds": self.seeds, "targets": wanted, "figures": figures, "met": met}


def _told(progress: Progress, task: str, _: str, done: float, total: float | None, **fields: object) -> None:
    progress(task, done, total, **fields)


def measures(model: Model, steps: int, seed: int, progress: Progress) -> Measures:
    """Measures an instrument's automaton under conditions of its own phrase, and a classic one that is trained for it."""
    config = model.config
    phrase = phrase_of(model.card, config.frame_rate_hz)
    controls, told = Player(model).play(phrase), inputs_of(phrase, model.card["features"], config)
    levels = levels_of(controls.cells(), config.harmonics)
    sounding = np.flatnonzero(phrase.loudness_db > phrase.loudness_db.max() - _SOUNDS_DB)
    sounding = sounding[np.linspace(0, len(sounding) - 1, min(_LEARNT, len(sounding))).astype(int)]
    heard = levels[sounding], told[sounding, 0], told[sounding, 2]
    rules: dict[str, Rule | ClassicRule] = {config.automaton: automaton_of(model)}
    if "classic" not in rules:
        settings = AutomatonSettings(iterations=_CLASSIC, steps=steps)
        shown = partial(_told, progress, "Training a classic automaton")
        learnt = train_automaton(config.with_automaton("classic"), *heard, settings, seed, shown)
        rules["classic"] = ClassicRule(config, learnt.weights)
    order = sounding[np.argsort(told[sounding, 0], kind="stable")]
    shown = order[np.linspace(0, len(order) - 1, 2 * _CONDITIONS + 1).astype(int)[1::2]]
    ages = GROWING.curve(len(phrase), config.frame_rate_hz)
    whole = sum(sound(model, phrase, config.sample_rate_hz, seed=seed))
    found = {}
    for number, (name, rule) in enumerate(rules.items()):
        progress("Measuring growth", number, len(rules))
        growth = measure(rule, levels[shown], told[shown, 0], told[shown, 2], SEEDS, steps, seed)
        gains = grow(rule, levels, told[:, 0], told[:, 2], ages, seed=seed, steps=steps).gains
        grown = sum(sound(model, phrase, config.sample_rate_hz, gains, seed))
        found[name] = Measured(growth, click_db(grown, whole))
    progress("Measuring growth", len(rules), len(rules))
    return Measures(found, steps)
