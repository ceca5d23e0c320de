"""What is heard of sounds whose pitch is known, in frames, at any rate."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from fxlab.audio.resampling import resample
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.features import extract
from fxlab.timbre.frames import A4_HZ
from fxlab.timbre.tracker import Pitch, SwiftF0

from .sounds import RATE_HZ, cents, note, vibrato

CONFIG = InstrumentConfig()
EDGE = 4


class Says:
    """A tracker that says the same whatever it hears."""

    name = "says 1"

    def __init__(self, times_s, f0_hz, confidence=1.0) -> None:
        self.pitch = Pitch(*(np.array(each, np.float64) for each in np.broadcast_arrays(times_s, f0_hz, confidence)))

    def __call__(self, audio, rate_hz):
        return self.pitch


def _silent(tracker, seconds=1.0):
    """Features of silence, in which nothing refines what the tracker says."""
    return extract(np.zeros(round(seconds * RATE_HZ), np.float32), RATE_HZ, CONFIG, tracker, without_mfcc=True)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
def test_pitch_of_vibrato_is_exact_at_any_rate(rate_hz):
    pytest.importorskip("swift_f0")
    truth = vibrato(330.0)
    found = extract(resample(note(truth), RATE_HZ, rate_hz), rate_hz, CONFIG, SwiftF0(), without_mfcc=True)
    assert len(found) == 1 + RATE_HZ // 512
    exact = truth[np.minimum(np.arange(len(found)) * 512, len(truth) - 1)]
    assert found.voiced[EDGE:-EDGE].all()
    assert np.abs(cents(found.f0_hz, exact))[EDGE:-EDGE].mean() < 1.5


def test_neighbours_of_the_same_note_are_joined_in_the_logarithm():
    times = np.arange(0, 1.05, 0.05)
    found = _silent(Says(times, 220 * 2 ** (times / 2)))
    seconds = np.arange(len(found)) / CONFIG.frame_rate_hz
    np.testing.assert_allclose(found.f0_hz, 220 * 2 ** (seconds / 2), rtol=1e-6)
    assert found.voiced.all()


def test_two_notes_are_not_joined():
    found = _silent(Says([0.0, 0.45, 0.55, 1.0], [220.0, 220.0, 440.0, 440.0]))
    assert set(np.unique(found.f0_hz)) == {220.0, 440.0}


def test_the_last_pitch_is_held_and_gaps_have_none():
    times = np.concatenate([[0.0, 0.1], np.arange(0.2, 0.4, 0.01), np.arange(0.6, 0.8, 0.01)])
    found = _silent(Says(times, np.select([times < 0.15, times < 0.5], [900.0, 220.0], 330.0), times > 0.15))
    seconds = np.arange(len(found)) / CONFIG.frame_rate_hz
    heard = (np.abs(seconds - 0.295) < 0.145) & (seconds >= 0.15) | (np.abs(seconds - 0.695) < 0.145)
    np.testing.assert_array_equal(found.voiced, heard)
    np.testing.assert_array_equal(found.f0_hz, np.where(seconds < 0.55, 220.0, 330.0))


@pytest.mark.parametrize("tracker", [Says([0.0], [0.0]), Says([0.0, 1.0], [220.0, 220.0], 0.2)])
def test_without_any_pitch_there_is_a_frequency_all_the_same(tracker):
    found = _silent(tracker)
    assert not found.voiced.any() and (found.f0_hz == A4_HZ).all()


@pytest.mark.parametrize("frames, rate_hz", [(1, 192_000), (1, 22_050), (511, 22_050), (512, 22_050), (3000, 8_000)])
@pytest.mark.parametrize("config", [CONFIG, InstrumentConfig(sample_rate_hz=8_000, hop=16, mfcc=5)])
def test_every_length_has_frames_of_finite_values(frames, rate_hz, config):
    audio = np.random.default_rng(frames).uniform(-0.5, 0.5, frames).astype(np.float32)
    found = extract(audio, rate_hz, replace(config, mfcc=0), Says([0.0], [300.0]))
    count = 1 + round(frames * config.sample_rate_hz / rate_hz) // config.hop
    for array in (found.f0_hz, found.voiced, found.loudness_db):
        assert array.shape == (count,) and array.dtype == np.float32 and np.isfinite(array).all()
    assert found.mfcc is None and (found.f0_hz > 0).all()


def test_timbre_comes_along_unless_left_out():
    found = extract(note(220.0, 0.3), RATE_HZ, CONFIG, Says([0.0], [220.0]))
    assert found.mfcc.shape == (len(found), 30) and found.mfcc.dtype == np.float32
    without = extract(note(220.0, 0.3), RATE_HZ, CONFIG, Says([0.0], [220.0]), without_mfcc=True)
    assert without.mfcc is None
    np.testing.assert_array_equal(without.loudness_db, found.loudness_db)


def test_without_timbre_torch_stays_out_of_the_process():
    code = (
        "import sys, numpy as np; from fxlab.timbre import diagnosis, features, judge, table; from fxlab.timbre.config import *;"
        "from fxlab.timbre.tracker import SwiftF0; audio = np.zeros(9000, np.float32);"
        "found = features.extract(audio, 22050, InstrumentConfig(), SwiftF0(), without_mfcc=True);"
        "assert diagnosis.diagnose(audio, 22050, found)[0].kind == 'silent'; assert 'torch' not in sys.modules"
    )
    pytest.importorskip("swift_f0")
    subprocess.run([sys.executable, "-c", code], check=True)
