"""The bells that draw a curve."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.bands import CENTRES_HZ
from fxlab.effects.eq.bands import response_db
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.fitting import drawn_by, peaks_for, smoothed


def curves(count: int, seed: int = 0):
    """Random smooth curves within +-6 dB."""
    rng = np.random.default_rng(seed)
    return [np.clip(smoothed(rng.normal(0, 8, 27), 1.5), -6, 6) for _ in range(count)]


@pytest.mark.parametrize(("rate", "rms_db"), [(22_050, 0.7), (44_100, 0.7), (48_000, 0.7), (96_000, 0.7), (192_000, 0.7)])
def test_ten_bells_draw_smooth_curves(rate, rms_db):
    audible = CENTRES_HZ / rate <= 0.4
    errors = [(drawn_by(peaks_for(curve, rate), rate) - curve)[audible] for curve in curves(30)]
    assert np.mean([np.sqrt(np.mean(error**2)) for error in errors]) < rms_db
    assert np.percentile(np.abs(errors), 95) < 1.5


def test_the_equaliser_draws_what_was_said(rate=48_000):
    peaks = peaks_for(curves(1)[0], rate)
    (stage,) = Chain(peaks).stages()
    np.testing.assert_allclose(response_db(stage.set, CENTRES_HZ, rate), drawn_by(peaks, rate), atol=1e-9)


def test_a_bell_in_place_is_found_again_and_nothing_needs_nothing():
    assert peaks_for(np.zeros(27), 44_100) == ()
    wanted = drawn_by((Peak(1000.0, 4.0, 0.8),), 44_100)
    assert np.abs(drawn_by(peaks_for(wanted, 44_100), 44_100) - wanted).max() < 0.8


def test_twice_the_curve_is_about_twice_the_gain():
    curve = curves(1)[0] / 2
    once, twice = (drawn_by(peaks_for(factor * curve, 44_100), 44_100) for factor in (1, 2))
    assert np.abs(twice - 2 * once).max() < 0.5


@pytest.mark.parametrize("count", [1, 5, 10])
def test_never_more_bells_than_allowed(count):
    assert 0 < len(peaks_for(curves(1)[0], 44_100, count)) <= count


def test_smoothing_keeps_constants_and_ends():
    np.testing.assert_allclose(smoothed(np.full(27, 3.0)), 3.0)
    assert np.ptp(smoothed(np.random.default_rng(0).normal(size=27))) < 2.0
