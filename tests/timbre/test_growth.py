"""Growth along a performance, by the tiny automaton: the lane of ages leads, damage cuts, and the seed decides."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.growth import Grower, grow
from fxlab.timbre.rule import Rule

from .tiny_automaton import CONFIG, conditions, golden

FRAMES = 80
CUT = slice(3, 9)


@pytest.fixture(scope="module")
def rule() -> Rule:
    return Rule(CONFIG, golden())


def told(frames: int = FRAMES):
    levels, pitch, loudness = conditions()
    which = np.arange(frames) % len(levels)
    return levels[which], pitch[which], loudness[which]


def growing(frames: int = FRAMES) -> np.ndarray:
    return np.linspace(0, 1, frames)


def test_from_one_harmonic_to_all(rule):
    growth = grow(rule, *told(), growing())
    assert growth.gains[0].tolist() == [1.0] + 23 * [0.0]
    assert growth.gains[-1].mean() > 0.9
    assert growth.steps[-1] == 32
    assert growth.gains.dtype == np.float32 and growth.gains.shape == (FRAMES, 24)


def test_a_seed_decides(rule):
    first, again, other = (grow(rule, *told(), growing(), seed=seed).gains for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_blocks_are_the_whole(rule):
    levels, pitch, loudness = told()
    damages = [(50, CUT)]
    grower, parts = Grower(rule, damages, 0.5), []
    for start, stop in ((0, 1), (1, 34), (34, 80)):
        span = slice(start, stop)
        parts.append(grower.play(levels[span], pitch[span], loudness[span], growing()[span]).gains)
    assert np.array_equal(np.concatenate(parts), grow(rule, *told(), growing(), damages, 0.5).gains)


def test_growth_between_two_steps_is_continuous(rule):
    levels, pitch, loudness = (np.repeat(array[:1], 3201, axis=0) for array in told(1))
    growth = grow(rule, levels, pitch, loudness, np.linspace(0, 1, 3201)).growth
    coarse = grow(rule, levels[:33], pitch[:33], loudness[:33], np.linspace(0, 1, 33)).growth
    assert np.allclose(growth[::100], coarse, atol=1e-5)
    assert np.allclose(np.abs(np.diff(growth, axis=0)).max(), np.abs(np.diff(coarse, axis=0)).max() / 100, rtol=0.01)


def test_falling_ages_replay_what_was(rule):
    ages = np.concatenate([growing(), growing()[::-1], growing()])
    gains = grow(rule, *told(3 * FRAMES), ages).gains
    assert np.allclose(gains[FRAMES : 2 * FRAMES][::-1], gains[:FRAMES], atol=1e-6)
    assert np.allclose(gains[2 * FRAMES :], gains[:FRAMES], atol=1e-6)


def test_beyond_age_1_it_stays_whole(rule):
    gains = grow(rule, *told(), np.linspace(0, 4, FRAMES)).gains
    assert gains[FRAMES // 2 :].min() == 1


def test_damage_cuts_and_stays_while_the_age_stands_still(rule):
    ages = np.minimum(2 * growing(), 1.0)
    gains = grow(rule, *told(), ages, [(60, CUT)]).gains
    whole = grow(rule, *told(), ages).gains
    assert np.array_equal(gains[:60], whole[:60])
    assert not gains[60:, CUT].any()
    assert np.array_equal(np.delete(gains, CUT, axis=1), np.delete(whole, CUT, axis=1))


def test_what_was_cut_returns_as_the_age_rises_or_life_goes_on(rule):
    risen = grow(rule, *told(), 3 * growing(), [(40, CUT)]).gains
    assert not risen[40, CUT].any() and risen[-1, CUT].min() > 0.99
    still = np.ones(FRAMES)
    lived = grow(rule, *told(), still, [(10, CUT)], regrow_steps=0.5)
    assert not lived.gains[10, CUT].any() and lived.gains[-1, CUT].min() > 0.99
    assert lived.steps[-1] == pytest.approx(32 + 0.5 * (FRAMES - 10), abs=0.6)


def test_what_was_cut_stays_cut_while_the_age_falls(rule):
    gains = grow(rule, *told(), growing()[::-1], [(20, CUT)], regrow_steps=0.5).gains
    assert not gains[20:, CUT].any()
