"""A fit in epochs: what interrupts it, and what is too short for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fxlab.models.ace import Ace
from fxlab.models.ace_config import AceConfig
from fxlab.settings import TrainSettings
from fxlab.training.ace_fit import Problem
from fxlab.training.ace_run import Fit, pieces_of, place_of
from fxlab.training.loop import Run
from fxlab.training.pair import Pair

CONFIG = AceConfig(8000, bands=16)


@pytest.fixture(scope="module")
def pair():
    audio = np.random.default_rng(0).standard_normal(4000).astype(np.float32)
    return Pair(audio, audio[::-1].copy())


def test_the_last_place_is_judged_although_its_validation_was_left(monkeypatch, pair):
    model = Ace(CONFIG)
    places = [place_of(model) + 0.1]

    def epoch(fit):
        fit._keep("done", places.pop(), 0.25, 0)
        return True

    monkeypatch.setattr(Fit, "_epoch", epoch)
    settings = dataclasses.replace(TrainSettings(), epochs=9, threads=1)

    def go(run, figure):
        return Fit(run, [pair], settings, lambda _: figure, lambda *_: None, lambda *_: None, lambda: False, "v").go()

    run = Run.fresh(model, settings)
    assert go(run, None) == "interrupted" and not run.history
    again = Run.fresh(model, settings)
    again.restore(run.tensors(), run.record())
    assert go(again, 0.5) == "converged"
    assert again.best == 0.5 and [row["v"] for row in again.history] == [0.5] and again.history[0]["loss"] == 0.25
    assert go(again, 0.1) == "converged" and again.best == 0.5


@pytest.mark.parametrize("frames", (100, 600, 1024))
@pytest.mark.parametrize("evenness", (0.0, 0.5))
def test_audio_shorter_than_a_window_can_be_compared(pair, frames, evenness):
    model = Ace(CONFIG)
    short = Pair(pair.input[:frames], pair.target[:frames])
    found = Problem(CONFIG, pieces_of([short], model), evenness, 1e-2, 1)
    assert np.isfinite(found.projected(place_of(model)))
