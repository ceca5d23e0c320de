"""Octaves: harmonics that were taken for the fundamental are corrected, right pitches and intervals are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.octave import in_octave

RATE_HZ = 16_000
SECONDS = np.arange(6400) / RATE_HZ
AT = np.arange(2000, 4400, 600)


def _note(track, seed):
    """A timbre by chance."""
    rng = np.random.default_rng(seed)
    cycles, audio = np.cumsum(np.broadcast_to(track, SECONDS.shape)) / RATE_HZ, 0.0
    slope = rng.uniform(0, 1.5)
    for k in range(1, 30):
        level = 10 ** (-rng.uniform(0, 25) / 20) / k**slope
        audio = audio + np.where(k * track < 7600, level, 0) * np.cos(2 * np.pi * (k * cycles + rng.random()))
    return audio / np.std(audio), rng


def _noisy(audio, rng, snr_db):
    return audio + 10 ** (-snr_db / 20) * rng.standard_normal(len(audio))


@pytest.mark.parametrize("seed", range(6))
def test_right_ones_stay_through_vibrato_glides_and_noise(seed):
    f0_hz = 60 * 2 ** (seed * 0.8)
    for track in (f0_hz * 2 ** (SECONDS / 2), f0_hz * 2 ** (np.sin(35 * SECONDS) / 24)):
        audio, rng = _note(track, seed)
        for snr_db in (40, 10, 0):
            np.testing.assert_array_equal(in_octave(track[AT], _noisy(audio, rng, snr_db), AT, RATE_HZ), track[AT])


@pytest.mark.parametrize("factor", [2, 3, 4, 0.5])
def test_harmonics_taken_for_the_fundamental_are_corrected(factor):
    right = []
    for seed in range(12):
        f0_hz = 100 * 2 ** (seed * 0.2)
        audio, rng = _note(f0_hz, seed)
        found = in_octave(np.full(len(AT), f0_hz * factor), _noisy(audio, rng, 30), AT, RATE_HZ)
        right.append(np.abs(found / f0_hz - 1) < 1e-9)
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("ratio", [(2, 3), (3, 4), (4, 5), (5, 6)])
def test_the_common_period_of_an_interval_is_no_note(ratio):
    for base_hz in (40.0, 110.0):
        low, high = (part * base_hz for part in ratio)
        audio = _note(low, 1)[0] + _note(high, 2)[0]
        for f0_hz in (low, high):
            assert (in_octave(np.full(len(AT), f0_hz), audio, AT, RATE_HZ) >= f0_hz).all()


def test_silence_and_nothing_are_left_alone():
    assert in_octave(np.full(4, 220.0), np.zeros(len(SECONDS)), AT, RATE_HZ).tolist() == [220.0] * 4
    assert in_octave(np.zeros(0), np.zeros(1), np.zeros(0, int), RATE_HZ).shape == (0,)
