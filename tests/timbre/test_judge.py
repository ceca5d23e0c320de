"""The judge: what counts, and what doesn't."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.timbre.frames import Features
from fxlab.timbre.judge import loudness_error_db, pitch_accuracy


def _features(f0_hz=220.0, voiced=1.0, loudness_db=-20.0, frames=20, rate=43.0) -> Features:
    return Features(*(np.array(np.broadcast_to(each, frames), np.float32) for each in (f0_hz, voiced, loudness_db)), rate)


@settings(max_examples=25)
@given(st.floats(-45, 45), st.floats(-200, 200).filter(lambda off: abs(off) > 55))
def test_half_a_semitone_decides(near, far):
    off = np.where(np.arange(20) < 5, far, near)
    assert pitch_accuracy(_features(), _features(220 * 2 ** (off / 1200))) == 0.75


def test_a_pitch_must_be_heard_where_one_is_wanted_and_only_there():
    wanted = _features(voiced=np.arange(20) < 10)
    assert pitch_accuracy(wanted, _features(voiced=np.arange(20) < 8)) == pytest.approx(0.8)
    assert pitch_accuracy(wanted, _features()) == 1
    assert np.isnan(pitch_accuracy(_features(voiced=0.0), _features()))


def test_what_is_hardly_heard_does_not_count():
    wanted = _features(loudness_db=np.where(np.arange(20) < 10, -20.0, -85.0))
    assert pitch_accuracy(wanted, _features(np.where(np.arange(20) < 10, 220.0, 300.0))) == 1
    assert loudness_error_db(wanted, _features(loudness_db=np.where(np.arange(20) < 10, -20.0, -120.0))) == 0
    assert loudness_error_db(wanted, _features(loudness_db=np.where(np.arange(20) < 10, -20.0, -50.0))) == 15


@settings(max_examples=25)
@given(st.lists(st.floats(-50, 0), min_size=20, max_size=20), st.floats(-5, 5))
def test_loudness_error_is_the_mean_difference(levels, shift):
    wanted = _features(loudness_db=levels)
    assert loudness_error_db(wanted, wanted) == 0
    assert loudness_error_db(wanted, _features(loudness_db=np.array(levels) + shift)) == pytest.approx(abs(shift), abs=1e-4)


def test_the_longer_ones_end_is_left_out():
    assert pitch_accuracy(_features(frames=20), _features(frames=18)) == 1
    assert loudness_error_db(_features(frames=18), _features(frames=20)) == 0


@pytest.mark.parametrize("heard", [_features(rate=86.0), _features(frames=0)])
def test_other_frames_cannot_be_compared(heard):
    with pytest.raises(ValueError):
        loudness_error_db(_features(), heard)
