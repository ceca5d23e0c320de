"""Knobs: how values become the network's inputs, and what a card may say of them."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.effects.params import Param
from fxlab.errors import InputError, UsageError
from fxlab.models.controls import Control, controls_of, effect_at, settings_of

DRIVE = Control(Param("drive_db", 12.0, 0.0, 36.0, "dB", "Gain.", "db"), 0, "drive_db")
CUTOFF = Control(Param("cutoff_hz", 4000.0, 500.0, 8000.0, "Hz", "Corner.", "log"), 1, "cutoff_hz")
GAIN = Control(Param("gain", 5.0, 0.0, 10.0, "", "A recorded knob."))
CARD = {
    "controls": [knob.to_json() for knob in (DRIVE, CUTOFF, GAIN)],
    "effect": [
        {"name": "saturator", "parameters": {"drive_db": 12.0, "bias": 0.2}},
        {"name": "eq", "parameters": {"cutoff_hz": 4000.0}},
    ],
}


def test_ends_and_middle_of_the_way():
    assert [DRIVE.normalised(value) for value in (0, 18, 36)] == [-1, 0, 1]
    assert CUTOFF.normalised(2000) == pytest.approx(0) and CUTOFF.normalised(1000) == pytest.approx(-0.5)


@given(st.floats(500, 8000), st.floats(500, 8000))
def test_equal_ratios_of_a_log_knob_are_equal_ways(one, other):
    way = CUTOFF.normalised(one) - CUTOFF.normalised(other)
    assert way == pytest.approx(2 * math.log(one / other) / math.log(16), abs=1e-9)


def test_a_card_gives_back_what_it_was_given():
    assert controls_of(CARD) == (DRIVE, CUTOFF, GAIN) and controls_of({}) == ()


def test_what_is_not_named_stands_at_its_default():
    assert np.array_equal(settings_of((DRIVE, GAIN), {}), np.float32([12 / 18 - 1, 0]))
    assert np.array_equal(settings_of((DRIVE, GAIN), {"gain": 10}), np.float32([12 / 18 - 1, 1]))
    with pytest.raises(UsageError, match="out of range"):
        settings_of((DRIVE,), {"drive_db": 37})


def test_the_effect_is_told_where_the_knobs_stand_and_the_card_stays():
    before = copy.deepcopy(CARD)
    effect = effect_at(CARD, {"drive_db": 30.0, "gain": 1.0})
    assert effect[0]["parameters"] == {"drive_db": 30.0, "bias": 0.2} and effect[1] == CARD["effect"][1]
    assert before == CARD and effect_at({}, {}) == []


@pytest.mark.parametrize(
    "damage",
    [
        {"low": 40.0},
        {"default": float("nan")},
        {"default": "12"},
        {"name": "drive db"},
        {"name": 3},
        {"scale": "log"},
        {"scale": "sine"},
        {"stage": -1},
        {"stage": 0.5},
        {"parameter": ""},
        {"help": 7},
    ],
)
def test_a_card_with_an_impossible_knob_is_refused(damage):
    knob = DRIVE.to_json() | damage
    if damage == {"default": "12"}:
        assert controls_of({"controls": [knob]}) == (DRIVE,)  # a number in quotes is one
        return
    with pytest.raises(InputError):
        controls_of({"controls": [knob]})


@pytest.mark.parametrize(
    "controls", [[DRIVE.to_json()] * 2, [{}], ["drive"], 5, [DRIVE.to_json() | {"name": f"k{i}"} for i in range(17)]]
)
def test_a_card_with_impossible_knobs_is_refused(controls):
    with pytest.raises(InputError):
        controls_of({"controls": controls})
