"""Training: the loss falls, a resumed run is one that was left alone, and what doesn't grow is called so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fxlab.errors import CheckError
from fxlab.timbre.automaton_lesson import KEPT, AutomatonSettings, PathLesson, varied
from fxlab.timbre.automaton_training import AutomatonRun, train_automaton

from .tiny_automaton import CONFIG, conditions

SETTINGS = AutomatonSettings(iterations=20, batch=8, pool=16, window=8)


@pytest.fixture(scope="module")
def trained():
    return train_automaton(CONFIG, *conditions(), SETTINGS, seed=1)


def test_a_second_of_training_teaches_growth():
    result = train_automaton(CONFIG, *conditions(), replace(SETTINGS, iterations=150, window=16))
    report = result.report
    assert result.ended == "finished"
    assert report.loss < 0.3 * np.mean(result.run.losses[:15])
    assert report.warnings == [] and report.gradient > 1e-6
    assert report.growth.filled > 0.8
    assert report.to_json()["growth"] == report.growth.to_json()


def test_a_resumed_run_has_the_weights_of_one_that_was_left_alone(trained):
    asked, told = iter([False] * 7 + [True]), []
    half = train_automaton(CONFIG, *conditions(), SETTINGS, 1, lambda *a, **k: told.append(a), lambda: next(asked))
    assert half.ended == "interrupted" and len(half.run.losses) == 7
    assert told[-1][1:] == (7, 20)
    kept = {name: array.copy() for name, array in half.run.tensors().items()}
    whole = train_automaton(CONFIG, *conditions(), SETTINGS, 1, restore=(kept, half.run.record()))
    assert whole.run.losses == trained.run.losses
    for name, array in trained.run.tensors().items():
        assert np.array_equal(whole.run.tensors()[name], array), name


def test_a_foreign_run_is_refused(trained):
    other = AutomatonRun(PathLesson(replace(CONFIG, channels=5), *conditions(), SETTINGS, 1), SETTINGS)
    with pytest.raises(ValueError, match=r"weights\.hidden\.weight"):
        other.restore(trained.run.tensors(), trained.run.record())
    with pytest.raises(KeyError):
        other.restore({}, trained.run.record())


def test_a_dead_gradient_and_a_flat_path_are_reported():
    class Dead(PathLesson):
        def fresh(self):
            return {name: np.zeros_like(array) for name, array in super().fresh().items()}

    settings = replace(SETTINGS, iterations=2)
    lesson = Dead(CONFIG, *conditions(), settings, 0)
    assert lesson.gradients(lesson.fresh(), 0)[1]["update.weight"].max() == 0
    nothing = replace(settings, iterations=0)
    (flat,) = [text for text in train_automaton(CONFIG, *conditions(), nothing).report.warnings if "flat" in text]
    assert "0%" in flat
    assert any("dead" in text for text in train_automaton(CONFIG, *conditions(), nothing).report.warnings)


def test_a_run_that_diverges_says_so():
    levels, pitch, loudness = conditions()
    with pytest.raises(CheckError, match="diverged"):
        train_automaton(CONFIG, levels * np.nan, pitch, loudness, replace(SETTINGS, iterations=1))


def test_the_classic_automaton_is_there_at_once_and_that_is_reported():
    settings = replace(SETTINGS, iterations=50, batch=4)
    result = train_automaton(CONFIG.with_automaton("classic"), *conditions(), settings)
    growth = result.report.growth
    assert growth.fill[2] > 0.9 * growth.fill[-1]
    assert growth.rise_time < 0.1 and growth.spearman < 0.7 and growth.diversity < 1e-6
    assert result.report.warnings


def test_half_of_what_is_learnt_from_is_as_it_was():
    levels, pitch, loudness = conditions()
    found, other_pitch, _ = varied(CONFIG, levels, pitch, loudness, np.random.default_rng(0))
    assert found.shape == (KEPT, CONFIG.cells) and found.min() >= 0 and found.max() == 1
    rows = {row.tobytes() for row in levels}
    assert all(row.tobytes() in rows for row in found[: KEPT // 2])
    assert sum(row.tobytes() in rows for row in found[KEPT // 2 :]) == 0
    assert np.isin(other_pitch[: KEPT // 2], pitch.astype(np.float32)).all()
