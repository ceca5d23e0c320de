"""From `--effect`, `--set` and a profile to a chain."""

from __future__ import annotations

import pytest

from fxlab.commands.options import effects_from
from fxlab.engines.loader import model_path
from fxlab.errors import UsageError
from fxlab.settings import EffectSettings, Profile

PROFILE = Profile(
    effects=[
        EffectSettings("saturator", "numpy", {"drive_db": 3, "cutoff_hz": 2000}),
        EffectSettings("bitcrusher", set={"bits": 6}),
    ]
)


def chain(*names, sets=(), profile=None, **more):
    made = effects_from(profile or Profile(), names, sets, **more)
    return [(stage.name, stage.engine, stage.set) for stage in made]


def test_effects_are_chained_in_the_order_given():
    assert chain("bitcrusher", "saturator", "amp.onnx") == [
        (name, "auto", {}) for name in ("bitcrusher", "saturator", "amp.onnx")
    ]


def test_a_profile_gives_the_chain_and_its_parameters_and_named_effects_replace_it():
    assert chain(profile=PROFILE) == [
        ("saturator", "numpy", {"drive_db": 3.0, "cutoff_hz": 2000.0}),
        ("bitcrusher", "auto", {"bits": 6.0}),
    ]
    assert chain("saturator", profile=PROFILE) == [("saturator", "auto", {})]


def test_flags_win_over_the_profile_and_leave_it_as_it_was():
    made = chain(profile=PROFILE, sets=["drive_db=24"], engine="numba")
    assert made[0] == ("saturator", "numba", {"drive_db": 24.0, "cutoff_hz": 2000.0})
    assert made[1][1] == "numba"
    assert PROFILE.effects[0].set["drive_db"] == 3


def test_a_default_is_used_only_where_nothing_is_said():
    assert chain(default=["tcn"]) == [("tcn", "auto", {})]
    assert chain(profile=PROFILE, default=["tcn"])[0][0] == "saturator"
    with pytest.raises(UsageError, match="No effect"):
        chain()


@pytest.mark.parametrize(
    ("names", "text", "stage", "expected"),
    [
        (["saturator", "bitcrusher"], "drive_db=6", 0, {"drive_db": 6.0}),
        (["saturator", "bitcrusher"], "bits=6", 1, {"bits": 6.0}),
        (["saturator", "saturator"], "2.drive_db=6", 1, {"drive_db": 6.0}),
        (["saturator", "tcn-knobs"], "tcn-knobs.drive_db=0.5", 1, {"drive_db": 0.5}),
        (["saturator", str(model_path("tcn-knobs"))], "tcn-knobs.bias=0.25", 1, {"bias": 0.25}),
        (["tcn", "tcn-knobs"], "cutoff_hz=700", 1, {"cutoff_hz": 700.0}),
        (["bitcrusher"], " bits = 6.5 ", 0, {"bits": 6.5}),
        (["saturator"], "oversample=4", 0, {"oversample": 4}),
    ],
)
def test_a_setting_reaches_the_stage_it_means(names, text, stage, expected):
    made = chain(*names, sets=[text])
    assert made[stage][2] == expected
    assert all(not given for index, (_, _, given) in enumerate(made) if index != stage)


@pytest.mark.parametrize(
    ("names", "text", "says"),
    [
        (["saturator"], "drive_db", "not NAME=VALUE"),
        (["saturator"], "drive_db=", "not NAME=VALUE"),
        (["saturator"], "=3", "not NAME=VALUE"),
        (["saturator"], "saturator.=3", "not NAME=VALUE"),
        (["saturator"], "drive=3", "no parameter 'drive'"),
        (["tcn"], "drive_db=3", "has no knobs"),
        (["tcn-knobs"], "drive=3", "no parameter 'drive'"),
        (["tcn-knobs"], "drive_db=40", "out of range"),
        (["saturator"], "drive_db=loud", "must be a number"),
        (["saturator"], "drive_db=nan", "out of range"),
        (["saturator"], "drive_db=1e9", "out of range"),
        (["saturator", "bitcrusher"], "nothing=1", "no effect of the chain has 'nothing'"),
        (["saturator", "bitcrusher"], "eq.gain=1", "no 'eq' in the chain"),
        (["saturator", "saturator"], "drive_db=1", "more than one"),
        (["saturator", "saturator"], "saturator.drive_db=1", "more than one"),
        (["saturator", "saturator"], "3.drive_db=1", "no '3' in the chain"),
    ],
)
def test_a_setting_that_means_nothing_or_too_much_is_refused(names, text, says):
    with pytest.raises(UsageError, match=says) as caught:
        chain(*names, sets=[text])
    assert caught.value.hint


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="engine"):
        chain("saturator", engine="gpu")


def test_adapt_reaches_every_ace_and_nothing_else():
    assert chain("ace", "eq", "ace", sets=["3.mix=0.5"], adapt=True) == [
        ("ace", "auto", {"adapt": True}),
        ("eq", "auto", {}),
        ("ace", "auto", {"mix": 0.5, "adapt": True}),
    ]
    with pytest.raises(UsageError, match="1 eq") as caught:
        chain("eq", adapt=True)
    assert "--effect ace" in caught.value.hint
