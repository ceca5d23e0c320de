"""Where knobs stand over time."""

import numpy as np
import pytest

from fxlab.effects.params import Param
from fxlab.engines.knobs import RAMP_S, Knobs
from fxlab.errors import UsageError
from fxlab.models.controls import Control

RATE = 48_000
RAMP = round(RAMP_S * RATE)
DRIVE = Control(Param("drive_db", 0.0, -24.0, 24.0, "dB", "", "db"))
TONE = Control(Param("tone_hz", 100.0, 100.0, 10_000.0, "Hz", "", "log"))


def knobs(max_block=2000):
    made = Knobs((DRIVE, TONE))
    made.prepare(RATE, max_block)
    return made


def places(made, sizes):
    """(knobs, frames) of all blocks."""
    return np.concatenate([np.broadcast_to(made.advance(n), (2, n)).copy() for n in sizes], axis=1)


def test_prepare_and_settle_stand_where_they_were_set():
    made = Knobs((DRIVE, TONE))
    made.set({"drive_db": "12"})
    made.prepare(RATE, 64)
    np.testing.assert_array_equal(made.advance(64), [[0.5], [-1.0]])
    made.set({"tone_hz": 1000})
    made.settle()
    np.testing.assert_allclose(made.advance(64), [[0.5], [0.0]], atol=1e-7)
    assert made.values == {"drive_db": 12.0, "tone_hz": 1000.0}


def test_a_knob_moves_along_a_line_in_its_own_time():
    made = knobs()
    made.set({"drive_db": 24})
    first = places(made, [100])
    made.set({"tone_hz": 10_000})
    then = places(made, [2000])
    line = np.arange(1, RAMP + 1) / RAMP
    drive, tone = np.concatenate((first, then), axis=1)
    np.testing.assert_allclose(drive, np.concatenate((line, np.ones(2100 - RAMP))), atol=1e-6)
    np.testing.assert_allclose(tone, np.concatenate((-np.ones(100), 2 * line - 1, np.ones(2000 - RAMP))), atol=1e-6)
    assert (drive[RAMP:] == 1).all() and made.advance(2000) is made.still


def test_a_knob_that_turns_back_sets_out_from_where_it_is():
    made = knobs()
    made.set({"drive_db": 24})
    up = places(made, [RAMP // 2])[0]
    made.set({"drive_db": 0})
    down = places(made, [RAMP + 1])[0]
    np.testing.assert_allclose(up[-1], 0.5, atol=1e-6)
    np.testing.assert_allclose(down[:-1], 0.5 - 0.5 * np.arange(1, RAMP + 1) / RAMP, atol=1e-6)
    assert down[-1] == 0


@pytest.mark.parametrize("sizes", [[1] * 1700, [64] * 26 + [36], [959, 1, 740], [961, 739]])
def test_no_split_of_the_blocks_shows(sizes):
    def run(sizes):
        made = knobs()
        made.set({"drive_db": 20.3, "tone_hz": 777})
        return places(made, sizes)

    np.testing.assert_array_equal(run(sizes), run([1700]))


def test_a_state_in_the_middle_of_a_move_is_a_value():
    made = knobs()
    made.set({"drive_db": 20})
    places(made, [300])
    made.set({"tone_hz": 5000})
    state = made.state()
    onwards = places(made, [500, 1000])
    made.set({"drive_db": -20, "tone_hz": 200})
    places(made, [10])
    made.restore(state)
    assert made.values == {"drive_db": 20.0, "tone_hz": 5000.0}
    np.testing.assert_array_equal(places(made, [1000, 500]), onwards)


def test_what_cannot_be_set_changes_nothing():
    made = knobs()
    for given, message, hint in (
        ({"drive_db": 3, "tone": 1000}, "no parameter 'tone'", "tone_hz"),
        ({"drive_db": 3, "tone_hz": 20_000}, "out of range", "100 .. 10000 Hz"),
        ({"drive_db": float("nan")}, "out of range", "-24 .. 24 dB"),
        ({"drive_db": "loud"}, "must be a number", "-24 .. 24 dB"),
    ):
        with pytest.raises(UsageError) as caught:
            made.set(given)
        assert message in caught.value.message and hint in caught.value.hint
    assert made.values == {"drive_db": 0.0, "tone_hz": 100.0} and made.advance(64) is made.still
    with pytest.raises(UsageError, match="no knobs"):
        Knobs(()).set({"drive_db": 3})


def test_every_place_of_a_knob_has_a_value():
    for control in (DRIVE, TONE):
        for place in (-1.0, -0.3, 0.5, 1.0):
            assert control.param.low <= control.at(place) <= control.param.high
            assert control.normalised(control.at(place)) == pytest.approx(place, abs=1e-12)
