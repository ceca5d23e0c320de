"""The synthesizer's noise: white, the same whatever the blocks, in bands that are where they should be, at every rate."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls
from fxlab.timbre.noise import design, filtered, taps_of
from fxlab.timbre.noise_kernel import white
from fxlab.timbre.synthesizer import Synthesizer

CONFIG = InstrumentConfig(hop=128, harmonics=2, bands=16)


def samples(seed: int, start: int, count: int) -> np.ndarray:
    out = np.empty(count, np.float32)
    white(np.int64(seed), start, out)
    return out


def hiss(rate_hz: int, magnitudes: np.ndarray, seed: int = 0) -> np.ndarray:
    frames = len(magnitudes)
    controls = Controls(np.full(frames, 100.0), np.zeros((frames, 2)), magnitudes, CONFIG.frame_rate_hz)
    return Synthesizer(CONFIG, rate_hz, seed).play(controls)[1]


def response(magnitudes: np.ndarray, rate_hz: int, hertz: np.ndarray) -> np.ndarray:
    side = magnitudes @ design(CONFIG, rate_hz)
    _, found = signal.freqz(np.concatenate([side[:0:-1], side]), worN=hertz, fs=rate_hz)
    return np.abs(found)


def test_white_noise_is_white():
    noise = samples(0, -1000, 200_000).astype(np.float64)
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.005
    assert all(abs(np.mean(noise[lag:] * noise[:-lag])) < 0.01 for lag in (1, 2, 3, 64, 512))
    assert abs(np.mean(noise * samples(1, -1000, 200_000))) < 0.01


def test_it_is_the_same_whatever_the_blocks():
    whole = samples(7, -50, 1000)
    parts = [samples(7, start, size) for start, size in ((-50, 1), (-49, 399), (350, 600))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_ones_let_everything_through():
    np.testing.assert_allclose(np.ones(16) @ design(CONFIG, 22_050), np.eye(1, 16)[0], atol=1e-12)


@pytest.mark.parametrize("rate_hz", [22_050, 44_100, 48_000])
def test_a_band_is_where_it_should_be(rate_hz):
    width = 22_050 / 32
    found = response(np.eye(16)[5], rate_hz, (np.arange(16) + 0.5) * width) / np.sqrt(rate_hz / 22_050)
    np.testing.assert_allclose(found[4:7], [0.25, 0.5, 0.25], atol=0.01)
    assert (np.delete(found, [4, 5, 6]) < 0.02).all()


@pytest.mark.parametrize("rate_hz", [44_100, 96_000])
def test_a_higher_rate_changes_neither_level_nor_range(rate_hz):
    noise = hiss(rate_hz, np.ones((400, 16)))
    assert abs(noise.std() - 1) < 0.03
    hertz, power = signal.welch(noise, rate_hz, nperseg=1024)
    beyond = hertz > 22_050 / 2 + 2 * 22_050 / 32
    assert power[beyond].max() < 1e-4 * power[hertz < 10_000].mean()


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 48_000])
def test_compiled_noise_is_what_the_definition_says(rate_hz):
    magnitudes = np.random.default_rng(0).random((9, 16))
    found = hiss(rate_hz, magnitudes, seed=3)
    reach = taps_of(CONFIG, rate_hz) - 1
    wanted = filtered(CONFIG, rate_hz, magnitudes, samples(3, -reach, len(found) + 2 * reach))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
