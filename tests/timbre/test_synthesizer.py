"""The synthesizer as a stream: blocks don't matter, it can be put back, and its parts are apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls
from fxlab.timbre.synthesizer import Synthesizer, render

CONFIG = InstrumentConfig(hop=100, harmonics=7, bands=4)


def performance(frames: int, seed: int = 0) -> Controls:
    rng = np.random.default_rng(seed)
    pitch = 220 * 2 ** rng.uniform(-1, 1, frames)
    return Controls(pitch, rng.random((frames, 7)), rng.random((frames, 4)), CONFIG.frame_rate_hz)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.sampled_from([8000, 22_050, 48_000, 192_000]))
@settings(max_examples=30)
def test_blocks_do_not_matter(sizes, rate_hz):
    controls = performance(sum(sizes))
    synthesizer, at, parts = Synthesizer(CONFIG, rate_hz, seed=5), 0, []
    for size in sizes:
        parts.append(synthesizer.play(controls[at : at + size]))
        at += size
    parts.append(synthesizer.finish())
    whole = render(controls, CONFIG, rate_hz, seed=5)
    for number in range(2):
        np.testing.assert_array_equal(np.concatenate([part[number] for part in parts]), whole[number])


def test_it_goes_back_to_a_state():
    controls, synthesizer = performance(12), Synthesizer(CONFIG, 44_100)
    synthesizer.play(controls[:5])
    state = synthesizer.state()
    first = synthesizer.play(controls[5:])
    other = Synthesizer(CONFIG, 44_100)
    other.restore(state)
    np.testing.assert_array_equal(other.play(controls[5:]), first)
    synthesizer.restore(state)
    np.testing.assert_array_equal(synthesizer.play(controls[5:]), first)


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000])
def test_it_is_as_long_as_its_frames(rate_hz):
    harmonic, noise = render(performance(9), CONFIG, rate_hz)
    assert len(harmonic) == len(noise) == math.ceil(9 * 100 * rate_hz / 22_050)
    assert harmonic.dtype == noise.dtype == np.float32


def test_it_ends_in_silence_and_begins_again_from_there():
    synthesizer = Synthesizer(CONFIG, 22_050)
    assert not len(synthesizer.finish()[0])
    synthesizer.play(performance(5))
    harmonic, noise = synthesizer.finish()
    assert max(abs(harmonic[-1]), abs(noise[-1])) < 0.01 < np.abs(harmonic[:50]).max()
    harmonic, noise = synthesizer.play(performance(2))
    assert max(abs(harmonic[0]), abs(noise[0])) < 0.01 < np.abs(harmonic[:100]).max()


def test_harmonics_and_noise_are_apart():
    controls = performance(6)
    harmonic, noise = render(controls, CONFIG, 22_050)
    without = np.ones((6, 11))
    without[:, 7:] = 0
    np.testing.assert_array_equal(render(controls.gated(without), CONFIG, 22_050), [harmonic, 0 * noise])
    np.testing.assert_array_equal(render(controls.gated(1 - without), CONFIG, 22_050), [0 * harmonic, noise])


def test_seeds_are_voices_of_their_own():
    controls = performance(200)
    first, second = (render(controls, CONFIG, 22_050, seed)[1] for seed in (-1, 10**20))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 192_000])
def test_no_rate_is_louder(rate_hz):
    config = InstrumentConfig(hop=100, harmonics=3, bands=64)
    ones = np.ones((300, 67))
    controls = Controls(np.full(300, 220.0), ones[:, :3], ones[:, 3:], config.frame_rate_hz)
    for part, other in zip(render(controls, config, 22_050), render(controls, config, rate_hz), strict=True):
        assert abs(20 * np.log10(other.std() / part.std())) < 0.1


def test_other_instruments_controls_are_refused():
    with pytest.raises(ValueError, match="7 harmonics and 4 bands"):
        Synthesizer(CONFIG, 22_050).play(Controls(np.ones(2), np.ones((2, 7)), np.ones((2, 3)), CONFIG.frame_rate_hz))
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="positive"):
            Synthesizer(CONFIG, 22_050).play(Controls(np.full(2, wrong), np.ones((2, 7)), np.ones((2, 4)), CONFIG.frame_rate_hz))
