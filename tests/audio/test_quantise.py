from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.quantise import finite, quantise


def test_without_dither_it_rounds_to_the_nearest_and_clips():
    levels, clipped = quantise(np.array([[-1.0, -0.7 / 128, 0.3 / 128, 0.7 / 128, 127 / 128, 1.0, -1.1]]), 8)
    assert levels.tolist() == [[-128, -1, 0, 1, 127, 127, -128]] and clipped == 1


@pytest.mark.parametrize("level", [0.0, 0.25, 0.5, -0.31, 100.9])
def test_tpdf_makes_mean_and_power_of_the_error_independent_of_the_signal(level):
    count = 200_000
    levels, clipped = quantise(np.full((1, count), level / 2**15), 16, np.random.default_rng(0))
    error = levels[0] - level
    # Total error of TPDF dither: mean 0, variance 3 * (1/12) LSB^2, whatever the signal; five standard errors allowed.
    assert clipped == 0
    assert abs(error.mean()) < 5 * np.sqrt(0.25 / count)
    assert abs(error.var() - 0.25) < 5 * 0.25 * np.sqrt(2 / count)
    assert np.abs(error).max() < 1.5


def test_dither_keeps_what_is_below_the_last_bit_and_plain_rounding_loses_it():
    tone = 0.4 * np.sin(2 * np.pi * np.arange(96_000) / 96)
    dithered, _ = quantise(tone[None] / 2**15, 16, np.random.default_rng(1))
    plain, _ = quantise(tone[None] / 2**15, 16)
    assert not plain.any()
    assert np.mean(dithered[0] * tone) / np.mean(tone * tone) == pytest.approx(1.0, abs=0.03)


def test_channels_get_independent_dither():
    levels, _ = quantise(np.zeros((2, 50_000)), 16, np.random.default_rng(2))
    assert abs(np.corrcoef(levels)[0, 1]) < 0.03


def test_finite_replaces_and_counts():
    clean = np.ones((2, 3), np.float32)
    assert finite(clean)[0] is clean
    audio, replaced = finite(np.array([[1.0, np.nan, -np.inf]], np.float32))
    assert audio.tolist() == [[1.0, 0.0, 0.0]] and replaced == 2 and audio.dtype == np.float32
