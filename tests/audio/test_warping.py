"""Reading a recording at another clock, against the formula of what was recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.audio.warping import warp

RATE = 48_000


@settings(max_examples=25, deadline=None)
@given(
    start=st.floats(-300, 300),
    ppm=st.one_of(st.just(0.0), st.floats(-500, 500)),
    hz=st.floats(20, 15_000),
)
def test_a_sine_is_read_where_it_is(start, ppm, hz):
    step = 1 + 1e-6 * ppm
    n = np.arange(20_000)
    read = warp(np.sin(2 * np.pi * hz * n / RATE).astype(np.float32), start, step, 19_000)
    wanted = np.sin(2 * np.pi * hz * (start + step * n[:19_000]) / RATE)
    np.testing.assert_allclose(read[1000:-1000], wanted[1000:-1000], atol=3e-5)


@pytest.mark.parametrize("start", [-70, 0, 5, 2_000])
def test_whole_places_are_copied_bit_by_bit(start):
    audio = np.random.default_rng(1).normal(size=1_000).astype(np.float32)
    padded = np.concatenate((np.zeros(100, np.float32), audio, np.zeros(3_000, np.float32)))
    np.testing.assert_array_equal(warp(audio, start, 1.0, 950), padded[100 + start :][:950])


def test_long_recordings_are_read_without_seams():
    n = np.arange(300_000)
    read = warp(np.sin(0.05 * n).astype(np.float32), 10.3, 1.0, 250_000)
    np.testing.assert_allclose(read[200:], np.sin(0.05 * (n[200:250_000] + 10.3)), atol=2e-6)
