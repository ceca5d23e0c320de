"""The measures, on courses whose figures are known; and the tiny automaton, which meets the targets where the classic fails."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.growth_metrics import (
    click_db,
    decibels,
    fill_curve,
    half_life,
    measure,
    rise_share,
    rise_time,
    spearman,
)
from fxlab.timbre.rule import Rule

from .tiny_automaton import CONFIG, conditions, golden


def test_spearman_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for y in (rng.normal(size=30), rng.integers(0, 5, 30), np.arange(30.0), -np.arange(30.0)):
        assert np.isclose(spearman(np.arange(30), y), stats.spearmanr(np.arange(30), y).statistic)
    assert spearman(np.arange(30), np.ones(30)) == 0


def test_curves_whose_figures_are_known():
    even = np.linspace(0.1, 1, 33)
    assert rise_time(even) == pytest.approx(0.8 * 32)
    assert rise_time(np.where(np.arange(33) < 5, 0.0, 1.0)) == pytest.approx(0.8)  # between two steps
    assert rise_time(np.ones(33)) == 0
    assert rise_share(np.array([[0, 1, 0.5, 1]])) == pytest.approx(0.75)
    assert rise_share(np.ones((3, 4))) == 1
    assert half_life(0.5 ** (np.arange(20) / 4)) == pytest.approx(4)
    assert half_life(np.ones(20)) is None
    assert decibels(np.array([1.0, 0.1, 0.0])).tolist() == pytest.approx([0, -20, -60])
    gains = np.array([[1, 0, 0, 1.0], [1, 0.1, 0.01, 1]])
    assert fill_curve(gains, np.array([True, True, True, False])).tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_click_is_heard_and_a_fade_is_not():
    time = np.arange(22_050) / 22_050
    tone = 0.3 * np.sin(2 * np.pi * 440 * time)
    assert click_db(tone, tone) == pytest.approx(0)
    assert click_db(tone * time, tone) < 0
    cut = tone.copy()
    cut[10_000:] *= -1
    faded = tone * np.minimum(1, 4 * time)
    assert click_db(np.where(time > 0.3, cut, faded), faded) > 3


def test_the_tiny_automaton_grows_as_it_should_at_every_pitch():
    rule = Rule(CONFIG, golden())
    levels, pitch, loudness = (array[:: 63 // 3] for array in conditions())
    found = [measure(rule, *told, seeds=8) for told in zip(levels, pitch, loudness, strict=True)]
    together = measure(rule, levels, pitch, loudness, seeds=8)
    for growth in (*found, together):
        assert growth.spearman > 0.95
        assert growth.rise_time > 0.4 and growth.largest_jump < 0.15
        assert growth.rise_share > 0.95
        assert growth.end_db < 0.5 and growth.stability_db < 0.5
        assert growth.half_life is not None and growth.half_life < 32
        assert growth.diversity > 0.02 and growth.end_diversity < 0.01
        assert growth.centroid_slope > 0


def test_a_rule_that_does_nothing_grows_nothing():
    rule = Rule(CONFIG, {name: np.zeros_like(array) for name, array in golden().items()})
    levels, pitch, loudness = (array[0] for array in conditions())
    growth = measure(rule, levels, pitch, loudness, seeds=2, steps=8)
    assert growth.filled == growth.spearman == growth.rise_time == growth.diversity == 0
    assert growth.half_life is None
    assert growth.end_db > 50
