"""The refined pitch: tones that are known exactly, mistuned as a tracker would."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.timbre.refinement import refined

from .sounds import RATE_HZ, cents, note, vibrato

HOP, LONGEST = 512, 2048
EDGE = 4  # frames whose windows reach beyond the sound


def _from(truth, audio, off_cents):
    frames = np.arange(1 + len(audio) // HOP)
    exact = np.broadcast_to(truth, (len(audio),))[np.minimum(frames * HOP, len(audio) - 1)]
    start = exact * 2 ** (np.where(frames % 2, off_cents, -off_cents) / 1200)
    return exact, start, refined(start, np.ones(len(frames), bool), audio, RATE_HZ, HOP, LONGEST)


@pytest.mark.parametrize("f0_hz", [98.0, 261.6, 740.0, 1760.0])
@pytest.mark.parametrize("off_cents", [0.0, 10.0, 30.0])
def test_steady_tones_are_found_within_a_cent(f0_hz, off_cents):
    exact, _, found = _from(f0_hz, note(f0_hz, 0.5), off_cents)
    assert np.abs(cents(found, exact))[EDGE:-EDGE].max() < 1


def test_vibrato_is_followed_better_than_it_was_tracked():
    truth = vibrato(330.0, 1.0)
    exact, start, found = _from(truth, note(truth, 1.0), 8.0)
    assert np.abs(cents(found, exact))[EDGE:-EDGE].mean() < 1.5


def test_noise_disturbs_it_little():
    off = []
    for seed, f0_hz in enumerate([98.0, 220.0, 440.0, 1000.0] * 3):
        audio = note(f0_hz, 0.5, seed=seed)
        audio = audio + 0.1 * audio.std() * np.random.default_rng(seed).standard_normal(len(audio))
        exact, _, found = _from(f0_hz, audio, 9.0)
        off.append(np.abs(cents(found, exact))[EDGE:-EDGE])
    assert np.mean(off) < 0.3 and np.max(off) < 2


def test_another_sound_and_silence_change_nothing():
    for audio in (note(300.0, 0.3, partials=1), np.zeros(6000)):
        _, start, found = _from(220.0, audio, 0.0)
        np.testing.assert_allclose(found[EDGE:-EDGE], start[EDGE:-EDGE])


def test_unvoiced_frames_stay_and_each_frame_is_its_own():
    audio = note(220.0, 0.5)
    voiced = np.arange(1 + len(audio) // HOP) % 3 > 0
    start = np.full(len(voiced), 222.0)
    some = refined(start, voiced, audio, RATE_HZ, HOP, LONGEST)
    every = refined(start, np.ones(len(voiced), bool), audio, RATE_HZ, HOP, LONGEST)
    assert (some[~voiced] == 222.0).all()
    np.testing.assert_array_equal(some[voiced], every[voiced])
