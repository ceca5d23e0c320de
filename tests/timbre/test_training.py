"""What a batch costs an instrument, and what happens when memory runs out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from fxlab.errors import MissingError
from fxlab.settings import GrowSettings, TrainSettings
from fxlab.timbre.ddsp import Ddsp
from fxlab.timbre.perceptual import PerceptualLoss
from fxlab.timbre.segments import Segments, take_of
from fxlab.timbre.training import InstrumentLoop, Lesson
from fxlab.training.loop import Run

from .sounds import RATE_HZ, note
from .test_instrument import performance
from .tiny_instrument import TINY, instrument

PLAIN = GrowSettings(scales=[512, 64])


@pytest.fixture
def segments():
    audio = note(220.0, 90 * TINY.hop / RATE_HZ)
    return Segments([take_of("it", audio, performance(91), TINY, 0.2, 10)], instrument().card["features"], TINY, 10, 0.5, 0)


def loop(segments, settings=PLAIN, **given):
    torch.manual_seed(0)
    training = TrainSettings(epochs=1, steps_per_epoch=2, batch_size=4, **given)
    lesson = Lesson(settings, TINY.sample_rate_hz)
    silently = {"validate": lambda run: 1.0, "save": lambda *_: None, "report": lambda *_: None}
    return InstrumentLoop(Run.fresh(Ddsp(TINY), training), segments, training, lesson, **silently)


def test_when_memory_runs_out_the_batch_is_halved_and_nothing_else_changes(segments):
    one, other = loop(segments), loop(segments)
    seen, whole = [], other.lesson.loss

    def greedy(network, batch, seed):
        seen.append(len(batch))
        if len(batch) > 2:
            raise torch.OutOfMemoryError
        return whole(network, batch, seed)

    other.lesson.loss = greedy
    assert one.go() == other.go() == "finished"
    assert seen[:3] == [4, 2, 2] and other.run.halvings == 1
    # The noise of a part has a seed of its own: the losses are alike, not equal.
    assert other.run.history[0]["loss"] == pytest.approx(one.run.history[0]["loss"], rel=0.05)
    other.lesson.loss = lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError())
    other.run.epoch, other.run.halvings = 0, 0
    with pytest.raises(MissingError, match="Not even one segment"):
        other.go()


def test_optional_terms_cost_what_they_are_worth(segments):
    batch = next(segments.epoch(0, 2, 1))
    network = Ddsp(TINY)
    costs = {}
    for name in ("time_weight", "perceptual_weight"):
        base, more, most = (
            float(Lesson(dataclasses.replace(PLAIN, **{name: weight}), RATE_HZ).loss(network, batch, 1).detach())
            for weight in (0, 1, 3)
        )
        costs[name] = more - base
        assert more > base and most - base == pytest.approx(3 * (more - base), rel=1e-3)
    assert costs["time_weight"] < 1


def test_the_perceptual_term_hears_as_an_ear_does():
    loss = PerceptualLoss(RATE_HZ)
    audio = torch.from_numpy(note(440.0, 0.5))[None]
    assert float(loss(audio, audio)) == 0
    rumble, hiss = (
        0.003 * torch.sin(2 * np.pi * f0_hz * torch.arange(audio.shape[1]) / RATE_HZ)[None] for f0_hz in (25.0, 3000.0)
    )
    assert float(loss(audio + hiss, audio)) > 3 * float(loss(audio + rumble, audio))
    louder = float(loss(2 * audio, audio))
    assert 0 < louder <= 20 * np.log10(2) / 20 + 1e-6
