"""The automaton's rule: where it lives, what it may not do, and that it says so where a header asks for the impossible."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.errors import InputError
from fxlab.models.model import Model
from fxlab.timbre.classic import ClassicRule
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.rule import Rule, automaton_of, gain_of, levels_of, rule_shapes

CONFIG = InstrumentConfig(harmonics=16, bands=8, channels=4, cell_hidden=8, automaton="grown")
LEVELS = np.linspace(1, 0, 24)


def random_rule(scale: float = 0.1) -> Rule:
    rng = np.random.default_rng(0)
    return Rule(CONFIG, {name: scale * rng.normal(size=shape) for name, shape in rule_shapes(CONFIG).items()})


def test_a_fresh_rule_does_nothing():
    rule = random_rule(0.0)
    state = rule.seeded()
    assert np.array_equal(rule.step(state, LEVELS, 0.0, 0.0, np.random.default_rng(0)), state)
    assert rule.gains(state).tolist() == [1.0] + 23 * [0.0]


def test_gain_is_exact_at_both_ends_and_60_db_wide():
    assert gain_of(np.array([-1.0, 0.0, 1.0, 1.3])).tolist() == [0, 0, 1, 1]
    grown = np.linspace(0.5, 1, 8)
    assert np.allclose(20 * np.log10(gain_of(grown)), 60 * (grown - 1), atol=0.3)
    assert (np.diff(gain_of(np.linspace(0, 1, 100))) > 0).all()


def test_life_spreads_by_one_neighbour_in_a_step():
    rule = random_rule(1.0)
    state, alive = rule.seeded(), {0}
    for step in range(3):
        state = rule.step(state, LEVELS, 0.0, 0.0, np.random.default_rng(step))
        alive |= {int(other) for cell in alive for other in rule.kin.relatives[cell] if other < 24}
        assert set(np.flatnonzero(np.abs(state).sum(axis=1))) <= alive


def test_what_is_dead_stays_dead():
    rule = random_rule(1.0)
    dead = rule.damaged(rule.seeded(), 0, 24)
    assert not rule.step(dead, LEVELS, 0.0, 0.0, np.random.default_rng(0)).any()


def test_about_half_of_the_cells_are_updated():
    rule, state = random_rule(), np.ones((50, 24, 4), np.float32)
    changed = (rule.step(state, np.tile(LEVELS, (50, 1)), np.zeros(50), np.zeros(50), np.random.default_rng(0)) != state).any(
        axis=2
    )
    assert abs(changed.mean() - 0.5) < 0.05


def test_states_side_by_side_are_single_states():
    rule, rng = random_rule(), np.random.default_rng(1)
    states, levels = rng.random((3, 24, 4), dtype=np.float32), rng.random((3, 24))
    pitch, loudness = rng.normal(size=3), rng.normal(size=3)
    together = rule.step(states, levels, pitch, loudness, np.random.default_rng(2))
    draws = np.random.default_rng(2)
    for index in range(3):
        alone = rule.step(states[index], levels[index], pitch[index], loudness[index], draws)
        assert np.allclose(alone, together[index], atol=1e-6)


def test_levels_are_decibels_against_the_strongest_cell():
    amplitudes = np.array([[0.5, 0.05, 0.0, 0.25, 0.0]])
    levels = levels_of(amplitudes, 3)
    assert np.allclose(levels, [[1, 1 - 20 / 60, 0, 1 - 20 * np.log10(2) / 60, 0]], atol=1e-6)
    assert np.allclose(levels_of(0.01 * amplitudes, 3), levels)


def test_an_instrument_names_its_automaton():
    for name, kind in (("grown", Rule), ("classic", ClassicRule)):
        config = CONFIG.with_automaton(name)
        weights = {f"automaton.{key}": np.zeros(shape, np.float32) for key, shape in rule_shapes(config).items()}
        assert type(automaton_of(Model(config, weights, {}))) is kind


def test_sizes():
    default = InstrumentConfig(automaton="grown")
    assert sum(int(np.prod(shape)) for shape in rule_shapes(default).values()) == 3360
    assert sum(int(np.prod(shape)) for shape in rule_shapes(default.with_automaton("classic")).values()) == 81
    with pytest.raises(InputError):
        InstrumentConfig.from_json(CONFIG.to_json() | {"channels": 1})
