"""Twins: what is heard in a chain's place, how it follows the chain's parameters, and how loud it must be."""

import math

import numpy as np
import pytest

from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.engines.loader import open_processor
from fxlab.metrics.quality import esr
from fxlab.services import twin as twins
from fxlab.services.live.loudness import MOST_GAIN_DB, loudness_gain_db
from fxlab.services.twin import twin_of, twin_values
from fxlab.settings import EffectSettings

RATE = 48_000


def chain(*stages):
    return [EffectSettings(name, "auto", values) for name, values in stages]


def names(stages):
    return [stage.name for stage in stages]


def named(stages):
    return [(stage.name, dict(stage.set)) for stage in stages]


@pytest.fixture
def notes():
    rng = np.random.default_rng(0)
    envelope = np.exp(-3 * (np.arange(2 * RATE) % RATE) / RATE)
    return (0.3 * envelope * np.sin(2 * np.pi * 196 / RATE * np.arange(2 * RATE)) + 1e-3 * rng.standard_normal(2 * RATE))[
        None
    ].astype(np.float32)


def test_a_network_becomes_what_it_copies_where_its_knobs_stand():
    twin = twin_of(chain(("tcn-knobs", {"drive_db": 20.0, "bias": -0.1})))
    assert names(twin) == ["saturator"]
    assert twin[0].set["drive_db"] == 20 and twin[0].set["bias"] == -0.1 and twin[0].set["cutoff_hz"] == 4000
    assert twin[0].set == effect("saturator").resolve(twin[0].set)


def test_an_effect_becomes_the_network_trained_at_its_very_parameters():
    assert named(twin_of(chain(("saturator", {})))) == [("tcn", {})]
    assert named(twin_of(chain(("saturator", {"drive_db": 12.000001, "lowpass": "one_pole"})))) == [("tcn", {})]
    assert named(twin_of(chain(("clipper", {"drive_db": 18, "antialias": "adaa1"})))) == [("clipper-nano", {})]


def test_else_the_network_whose_knobs_reach_them():
    twin = twin_of(chain(("saturator", {"drive_db": 30, "cutoff_hz": 900})))
    assert named(twin) == [("tcn-knobs", {"drive_db": 30.0, "bias": 0.2, "cutoff_hz": 900.0})]


@pytest.mark.parametrize(
    "stage",
    [
        ("saturator", {"drive_db": 40}),
        ("saturator", {"oversample": 8}),
        ("saturator", {"makeup_db": 0}),
        ("eq", {}),
        ("klon", {}),
    ],
)
def test_what_no_network_does_has_no_twin(stage):
    assert twin_of(chain(stage)) is None


def test_the_rest_of_a_chain_stays():
    mixed = chain(("eq", {"peak1_db": 3.0}), ("saturator", {}), ("klon", {"gain_percent": 20.0}))
    there = twin_of(mixed)
    assert names(there) == ["eq", "tcn", "klon"] and there[0] == mixed[0] and there[2] == mixed[2]
    back = twin_of(there)
    assert names(back) == names(mixed) and back[2] == mixed[2]


def test_twins_of_twins_sound_the_same(notes):
    """A network that was trained at an effect's parameters differs from it by its error; the way back is exact."""
    there = twin_of(chain(("saturator", {"drive_db": 12})))
    back = twin_of(there)
    wet = [apply(open_processor(s.name, s.set).processor, notes, RATE) for s in (*there, *back)]
    direct = apply(open_processor("saturator").processor, notes, RATE)
    assert np.array_equal(wet[1], direct)
    assert esr(direct[0], wet[0][0]) < 0.01


def test_parameters_follow_both_ways():
    dsp, network = chain(("saturator", {})), chain(("tcn-knobs", {}))
    dsp[0].set.update(drive_db=24.0, cutoff_hz=2000)
    followed = twin_values(dsp, network)
    assert followed.chain[0].set == {"drive_db": 24.0, "bias": 0.2, "cutoff_hz": 2000.0} and not followed.left
    followed.chain[0].set["bias"] = -0.3
    back = twin_values(followed.chain, dsp)
    assert (
        back.chain[0].set == effect("saturator").resolve({"drive_db": 24.0, "bias": -0.3, "cutoff_hz": 2000.0}) and not back.left
    )
    assert dsp[0].set == {"drive_db": 24.0, "cutoff_hz": 2000}, "what was given isn't changed"


def test_what_cannot_follow_is_named():
    followed = twin_values(chain(("saturator", {"drive_db": 40, "makeup_db": 3, "oversample": 4})), chain(("tcn-knobs", {})))
    assert followed.chain[0].set["drive_db"] == 36
    assert followed.left == {
        "drive_db": "tcn-knobs goes from 0 to 36",
        "makeup_db": "tcn-knobs was trained at -3",
        "oversample": "tcn-knobs was trained at 1",
    }
    a = chain(("eq", {"peak1_db": 6.0}), ("saturator", {"drive_db": 13}))
    followed = twin_values(a, chain(("eq", {}), ("tcn", {})))
    assert followed.chain[0].set["peak1_db"] == 6 and list(followed.left) == ["2.drive_db"]


def test_others_are_not_twins():
    for b in (chain(("eq", {})), chain(("tcn", {}), ("eq", {})), []):
        with pytest.raises(ValueError, match="twin"):
            twin_values(chain(("saturator", {})), b)


def test_loudness_is_matched(notes):
    a, b = chain(("saturator", {})), chain(("saturator", {"makeup_db": -11}))
    assert loudness_gain_db(a, b, notes, RATE) == pytest.approx(8, abs=1e-3)
    assert loudness_gain_db(b, a, notes, RATE) == pytest.approx(-8, abs=1e-3)
    assert abs(loudness_gain_db(a, twin_of(a), notes, RATE)) < 0.5
    assert loudness_gain_db(a, b, np.repeat(notes, 2, axis=0), RATE) == pytest.approx(8, abs=1e-3)


def test_short_quiet_and_silent_inputs_are_matched_too(notes):
    a, b = chain(("eq", {})), chain(("eq", {"high_shelf_db": 0.0, "peak1_db": 6.0, "peak1_q": 0.1, "peak1_hz": 196.0}))
    tone = notes[:, :4000]
    for audio in (tone, notes * 2e-3):
        found = loudness_gain_db(a, b, audio, RATE)
        wet = apply(open_processor("eq", b[0].set).processor, audio, RATE)
        assert found == pytest.approx(mean_lufs(audio, RATE) - mean_lufs(wet, RATE), abs=0.05) and found < -4
    silence = np.zeros((1, RATE), np.float32)
    assert loudness_gain_db(a, chain(("clipper", {"makeup_db": -6.0, "threshold_db": 0})), silence, RATE) == pytest.approx(
        6, abs=0.1
    )
    assert math.isfinite(loudness_gain_db(a, b, np.zeros((2, 0), np.float32), 44_100))


def test_the_gain_is_limited(notes):
    quiet = chain(("saturator", {"makeup_db": -24}), ("saturator", {"makeup_db": -24, "drive_db": 0}))
    assert loudness_gain_db(chain(("saturator", {})), quiet, notes, RATE) == MOST_GAIN_DB
    assert loudness_gain_db(quiet, chain(("saturator", {})), notes, RATE) == -MOST_GAIN_DB


def test_a_model_of_another_rate_is_matched(notes):
    assert abs(loudness_gain_db(chain(("klon", {})), chain(("klon", {})), notes, RATE)) < 1e-6


def test_mean_loudness_is_that_of_a_steady_tone():
    """BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LUFS, gated or not."""
    tone = np.sin(2 * np.pi * 997 / RATE * np.arange(2 * RATE))[None]
    assert mean_lufs(tone, RATE) == pytest.approx(-3.01, abs=0.02)
    assert mean_lufs(tone, RATE) == pytest.approx(integrated_lufs(tone, RATE), abs=0.01)
    assert mean_lufs(np.zeros((2, 0), np.float32), RATE) == -math.inf == mean_lufs(np.zeros((1, 9), np.float32), RATE)


def test_an_effect_that_is_not_here_is_left_alone(monkeypatch):
    monkeypatch.setattr(twins, "_card", lambda name: {"effect": [{"name": "another package's"}]})
    assert twin_of(chain(("tcn", {}))) is None


@pytest.mark.parametrize(
    "stage", [{"name": "convolver", "parameters": {"ir": "/etc/hostname"}}, {"name": "/etc/hostname"}, {"name": "a.safetensors"}]
)
def test_files_that_a_card_names_are_not_opened(monkeypatch, stage):
    monkeypatch.setattr(twins, "_card", lambda name: {"effect": [{"name": "saturator"}, stage]})
    assert twins.dsp_twin(chain(("tcn", {}))) is None
