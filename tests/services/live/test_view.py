"""The analyzer follows a stream: its input in order, and its chains as they are changed."""

import numpy as np
import pytest

from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor
from fxlab.errors import UsageError
from fxlab.live.rings import Ring
from fxlab.services.live.analyzer import DRY, Analyzer
from fxlab.services.live.view import View
from fxlab.settings import EffectSettings

RATE = 48_000
TONE = (0.3 * np.sin(2 * np.pi * 220 / RATE * np.arange(2 * RATE)))[None].astype(np.float32)


def stage(name, **values):
    return [EffectSettings(name, "auto", values)]


def level(name, **values):
    """Of the fundamental that an effect or model makes of the tone."""
    analyzer = Analyzer(RATE, {})
    analyzer.feed(apply(open_processor(name, values).processor, TONE, RATE))
    return analyzer.spectra().harmonics_db[DRY][0]


@pytest.fixture
def stream():
    """A view of a ring, and a function that plays some more of the tone into it."""
    ring, done = Ring(1, 4 * RATE), 0

    def play(seconds):
        nonlocal done
        frames = round(seconds * RATE)
        ring.push(TONE[:, done : done + frames])
        done += frames

    return View(ring, RATE), play


def test_what_is_heard_is_played_in_order(stream):
    view, play = stream
    for _ in range(12):
        play(0.05)
        found = view.look([stage("saturator")])
    assert found.f0_hz == pytest.approx(220, rel=1e-4) and list(found.levels_db) == [DRY, "dsp"]
    assert found.harmonics_db["dsp"][0] == pytest.approx(level("saturator"), abs=0.02)
    assert found.harmonics_db[DRY][1] < -100, "a gap would be heard as a click"


def test_parameters_and_knobs_follow(stream):
    view, play = stream
    play(0.3)
    view.look([stage("saturator"), stage("tcn-knobs")])
    changed = {"drive_db": 30.0, "cutoff_hz": 1000.0}
    play(0.4)
    found = view.look([stage("tcn-knobs", **changed), stage("saturator", **changed)])
    assert list(found.levels_db) == [DRY, "dsp", "network"]
    assert found.harmonics_db["dsp"][0] == pytest.approx(level("saturator", **changed), abs=0.02)
    assert found.harmonics_db["network"][0] == pytest.approx(level("tcn-knobs", **changed), abs=0.02)


def test_other_chains_take_over(stream):
    view, play = stream
    play(0.3)
    view.look([stage("saturator"), stage("tcn-nano")])
    play(0.3)
    found = view.look([stage("eq"), stage("clipper")])
    assert list(found.levels_db) == [DRY, "eq", "clipper"]
    assert found.harmonics_db["eq"][0] == pytest.approx(found.harmonics_db[DRY][0], abs=0.01)


def test_a_long_pause_is_left_out(stream):
    view, play = stream
    play(1.9)
    assert view.look([]).f0_hz == pytest.approx(220, rel=1e-4)
    play(0.05)
    assert view.look([]).harmonics_db[DRY][1] < -100


def test_a_chain_that_can_not_play_here_is_refused_and_the_others_go_on(stream):
    view, play = stream
    play(0.3)
    with pytest.raises(UsageError, match="44100"):
        view.look([stage("saturator"), stage("klon")])
    assert list(view.look([stage("saturator")]).levels_db) == [DRY, "dsp"]
