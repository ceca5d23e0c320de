"""Lanes: what is written is what is meant, and what can't be meant is refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import UsageError
from fxlab.timbre.lanes import GROWING, Damage, Moment, damage_frames, parse_age, parse_damage, parse_moment

RATE = 50.0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("6s", Moment(6.0)),
        (" 1:30 ", Moment(90.0)),
        ("2.5", Moment(2.5)),
        ("50%", Moment(0.5, relative=True)),
        ("12.5 %", Moment(0.125, relative=True)),
    ],
)
def test_moments(text, moment):
    assert parse_moment(text) == moment


@given(
    times=st.lists(st.integers(0, 1000), min_size=1, max_size=6, unique=True).map(sorted),
    data=st.data(),
)
def test_a_lane_passes_through_its_points(times, data):
    ages = data.draw(st.lists(st.integers(0, 40).map(lambda tenths: tenths / 10), min_size=len(times), max_size=len(times)))
    lane = parse_age(", ".join(f"{time / RATE}:{age}" for time, age in zip(times, ages, strict=True)))
    curve = lane.curve(1001, RATE)
    assert np.allclose(curve[times], ages)
    assert (curve[: times[0]] == ages[0]).all() and (curve[times[-1] :] == ages[-1]).all()
    assert curve.min() >= min(ages) and curve.max() <= max(ages)
    assert np.array_equal(lane.curve(1001, RATE, reverse=True), curve[::-1])


def test_the_clock_and_shares_are_times_too():
    assert np.allclose(parse_age("0:30:0,1:00:1").curve(3001, RATE)[[1500, 2250, 3000]], [0, 0.5, 1])
    assert np.allclose(parse_age("0%:0,100%:2").curve(101, RATE), np.linspace(0, 2, 101))
    assert np.allclose(GROWING.curve(7, RATE), np.linspace(0, 1, 7))
    assert len(GROWING.curve(1, RATE)) == 1 and len(GROWING.curve(0, RATE)) == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "No age"),
        (" , ", "No age"),
        ("4", "'4'"),
        ("0:0,4", "'4'"),
        ("0:x", "'0:x'"),
        ("0:-1", "'0:-1'"),
        ("x:1", "'x'"),
        ("0:nan", "'0:nan'"),
        ("0:5", "5 is no age"),
        ("2:0,1:1", "1s isn't later than 2s"),
        ("1:0,1:1", "1s isn't later than 1s"),
        ("0%:0,101%:1", "101%"),
    ],
)
def test_ages_that_cannot_be_meant(text, names):
    with pytest.raises(UsageError) as error:
        parse_age(text)
    assert names in error.value.message and error.value.hint


def test_seconds_and_shares_are_compared_once_the_length_is_known():
    lane = parse_age("50%:0,3s:1")
    assert lane.curve(250, RATE)[-1] == 1
    with pytest.raises(UsageError, match="3s isn't later than 50% in a performance of 20 s"):
        lane.curve(1001, RATE)


def test_damage():
    six, half = Moment(6.0), Moment(0.5, relative=True)
    assert parse_damage("10:30@6s") == (Damage(10, 30, False, six),)
    assert parse_damage("3@1:30,N5:n20@50%") == (Damage(3, 3, False, Moment(90.0)), Damage(5, 20, True, half))
    assert parse_damage(" 1:8 , n1:8 @6s") == (Damage(1, 8, False, six), Damage(1, 8, True, six))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "No damage"),
        ("10:30", "doesn't say when"),
        ("1@2,10:30", "doesn't say when"),
        ("@6s", "'@6s'"),
        ("0:3@6s", "counted from 1"),
        ("9:3@6s", "counted from 1"),
        ("a:b@6s", "'a:b@6s'"),
        (f"1:{5000 * '9'}@6s", "names no harmonics"),
        ("1:n3@6s", "mixes"),
        ("1:3@", "''"),
        ("1:3@soon", "'soon'"),
        ("1:3@120%", "120%"),
    ],
)
def test_damage_that_cannot_be_meant(text, names):
    with pytest.raises(UsageError) as error:
        parse_damage(text)
    assert names in error.value.message and error.value.hint


def test_cells_of_damage_in_the_order_of_time():
    frames = damage_frames(parse_damage("n2@100%,2:3@1s"), 100, RATE, harmonics=4, bands=3)
    assert [frame for frame, _ in frames] == [50, 99]
    assert frames[0][1].tolist() == [False, True, True, False, False, False, False]
    assert frames[1][1].tolist() == [False, False, False, False, False, True, False]


@pytest.mark.parametrize(("text", "names"), [("1:5@1s", "4 harmonics"), ("n4@1s", "3 noise bands"), ("1@2s", "ends at 2 s")])
def test_damage_that_this_instrument_or_performance_cannot_take(text, names):
    with pytest.raises(UsageError, match=names):
        damage_frames(parse_damage(text), 100, RATE, harmonics=4, bands=3)
