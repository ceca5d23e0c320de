"""The bank of harmonics: sines as they are defined, at any rate, and the compiled ones against them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import cumulative_trapezoid

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls
from fxlab.timbre.oscillators import frames_at, sines
from fxlab.timbre.synthesizer import Synthesizer

CONFIG = InstrumentConfig(hop=128, harmonics=64, bands=4)


def decibels(error: np.ndarray, signal: np.ndarray) -> float:
    return 10 * np.log10(np.mean(error**2) / np.mean(signal**2))


def bank(rate_hz: int, f0_hz: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    config = InstrumentConfig(hop=CONFIG.hop, harmonics=harmonics.shape[1], bands=4)
    controls = Controls(f0_hz, harmonics, np.zeros((len(f0_hz), 4)), config.frame_rate_hz)
    return Synthesizer(config, rate_hz).play(controls)[0]


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000])
def test_a_held_note_is_a_sum_of_sines(rate_hz):
    amplitudes = np.array([0.5, 0.3, 0.2])
    found = sines(CONFIG, rate_hz, np.full(20, 220.0), np.tile(amplitudes, (20, 1)))
    seconds = np.arange(len(found)) / rate_hz
    wanted = sum(a * np.sin(2 * np.pi * 220 * (k + 1) * seconds) for k, a in enumerate(amplitudes))
    np.testing.assert_allclose(found, wanted, atol=1e-11)


def test_a_glide_turns_as_far_as_its_frequency_says():
    f0_hz = np.geomspace(100, 1000, 9)
    found = sines(CONFIG, 48_000, f0_hz, np.ones((9, 1)))
    seconds = np.arange(48_000 * 8 * 128 // 22_050 * 16) / (48_000 * 16)
    hertz = np.exp(np.interp(seconds * CONFIG.frame_rate_hz, np.arange(9), np.log(f0_hz)))
    cycles = cumulative_trapezoid(hertz, seconds, initial=0)
    np.testing.assert_allclose(found[: len(cycles[::16])], np.sin(2 * np.pi * cycles[::16]), atol=1e-5)


def test_amplitudes_are_crossfaded_with_a_raised_cosine():
    f0_hz = np.full(2, 5000.0)
    found = sines(CONFIG, 192_000, f0_hz, np.array([[1.0], [0.0]]))
    u = np.arange(len(found)) / 192_000 * CONFIG.frame_rate_hz
    np.testing.assert_allclose(found, np.cos(np.pi * u / 2) ** 2 * np.sin(2 * np.pi * 5000 * u / CONFIG.frame_rate_hz), atol=1e-9)


@given(st.integers(0, 10**6), st.integers(1, 1000), st.integers(8000, 192_000))
@settings(max_examples=30)
def test_frames_lie_where_time_says(first, count, rate_hz):
    edges, late = frames_at(CONFIG, rate_hz, first, count)
    hop = CONFIG.hop * rate_hz / CONFIG.sample_rate_hz
    np.testing.assert_allclose(edges[:-1], (first + np.arange(count) + late) * hop, rtol=1e-12)
    assert (late >= 0).all() and (late * hop < 1 + 1e-9).all()


@given(st.lists(st.floats(30, 2000), min_size=2, max_size=12), st.sampled_from([8000, 22_050, 48_000]), st.integers(1, 64))
@settings(max_examples=15)
def test_compiled_sines_are_exact(pitches, rate_hz, count):
    harmonics = np.random.default_rng(count).random((len(pitches), count)) + 0.1
    wanted = sines(CONFIG, rate_hz, np.array(pitches), harmonics)
    assert decibels(bank(rate_hz, np.array(pitches), harmonics) - wanted, wanted) < -115


def test_they_are_so_after_a_long_time():
    f0_hz = np.geomspace(30, 2000, 2000)
    harmonics = np.ones((2000, 8))
    wanted = sines(CONFIG, 22_050, f0_hz, harmonics)
    end = slice(-22_050, None)
    assert decibels((bank(22_050, f0_hz, harmonics) - wanted)[end], wanted[end]) < -115


def test_nothing_sounds_above_half_the_rate():
    second = np.tile([0.0, 1.0], (10, 1))
    for f0_hz, silent in ((1700.0, False), (2000.0, True), (3000.0, True)):
        assert (np.abs(bank(8000, np.full(10, f0_hz), second)).max() == 0) == silent
    glide = bank(8000, np.geomspace(1500, 2500, 40), np.tile([0.0, 1.0], (40, 1)))
    assert np.abs(np.diff(glide, 2)).max() < 4.01 and not glide[len(glide) * 3 // 4 :].any()
