"""The fundamental of waveforms whose period is known, and of those that have none."""

import numpy as np
import pytest

from fxlab.metrics.pitch import HIGHEST_HZ, LOWEST_HZ, fundamental_hz


def wave(hz, rate, shares, frames=None):
    phase = 2 * np.pi * hz / rate * np.arange(frames or rate // 6)
    return sum(share * np.sin(k * phase + k) for k, share in shares.items() if k * hz < rate / 2)


@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
@pytest.mark.parametrize("shares", [{1: 1.0}, {1: 0.1, 2: 1.0, 3: 0.7}, {2: 1.0, 3: 1.0}, {1: 1.0, 2: 1.0, 4: 1.0}])
@pytest.mark.parametrize("hz", [31.0, 82.4, 440.0, 1234.5])
def test_the_period_counts_not_the_strongest_harmonic(hz, shares, rate):
    assert fundamental_hz(0.2 * wave(hz, rate, shares), rate) == pytest.approx(hz, rel=5e-3)


def test_what_is_beyond_the_range_is_not_taken_for_a_multiple_of_it():
    assert fundamental_hz(wave(1.3 * HIGHEST_HZ, 48_000, {1: 1.0}), 48_000) is None
    assert fundamental_hz(wave(0.6 * LOWEST_HZ, 48_000, {1: 1.0}), 48_000) is None


def test_dc_is_no_period_and_hides_none():
    tone = wave(220.0, 48_000, {1: 0.1})
    assert fundamental_hz(tone + 1.0, 48_000) == pytest.approx(220, rel=1e-3)
    assert fundamental_hz(np.ones(8192), 48_000) is None


def test_chords_noise_silence_and_too_little_have_none():
    chord = sum(wave(hz, 48_000, {1: 0.2, 2: 0.1, 3: 0.05}) for hz in (196.0, 246.9, 293.7, 415.3))
    assert fundamental_hz(chord, 48_000) is None
    assert fundamental_hz(0.1 * np.random.default_rng(0).standard_normal(8192), 48_000) is None
    for frames in (0, 1, 5, 8192):
        assert fundamental_hz(np.zeros(frames), 48_000) is None
