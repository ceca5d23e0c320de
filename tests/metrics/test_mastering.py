"""What a master's distance from the released song is: nothing for the song at any level, and what was done to it otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from fxlab.audio.bands import CENTRES_HZ
from fxlab.metrics.mastering import COLUMNS, JUDGED, scores, spectrum_change_db

RATE = 44_100


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    """Pink noise that comes and goes, wider on the right."""
    rng = np.random.default_rng(5)
    noise = scipy.signal.lfilter([0.05, -0.096, 0.05], [1, -1.97, 0.9701], rng.normal(0, 0.3, (2, 3 * RATE)), axis=1)
    swell = 1 + 0.5 * np.sin(2 * np.pi * np.arange(3 * RATE) / RATE)
    return (0.2 * swell * (noise[:1] + [[0.2], [-0.5]] * noise[1:])).astype(np.float32)


@pytest.mark.parametrize("gain_db", [0.0, -9.0, 3.0])
def test_level_is_no_error(song, gain_db):
    found = scores(song, song * np.float32(10 ** (gain_db / 20)), RATE)
    assert list(found) == list(COLUMNS) and max(found.values()) < 1e-3


def test_spectrum_moves_by_what_a_filter_does(song):
    bell = scipy.signal.iirpeak(1000, 2, fs=RATE)
    wet = song + scipy.signal.lfilter(*bell, song, axis=1)  # +6 dB at 1 kHz
    moved = spectrum_change_db(song, wet.astype(np.float32), RATE)
    moved -= moved[0]  # far below it nothing happened, but for loudness
    centres = CENTRES_HZ[JUDGED]
    wanted = 20 * np.log10(np.abs(1 + scipy.signal.freqz(*bell, centres, fs=RATE)[1]))
    assert len(moved) == 26 and 49 < centres[0] < 50 and np.abs(moved - wanted + wanted[0]).max() < 0.5
    assert scores(song, wet.astype(np.float32), RATE)["spectrum_db"] > 0.5


def test_width_is_that_of_the_side(song):
    mid, side = (song[0] + song[1]) / 2, (song[0] - song[1]) / 2
    assert scores(song, np.stack((mid + 2 * side, mid - 2 * side)), RATE)["width_db"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert scores(song[:1], 0.5 * song[:1], RATE)["width_db"] == 0


def test_clipping_costs_peaks(song):
    found = scores(song, np.clip(song, -0.4 * np.abs(song).max(), 0.4 * np.abs(song).max()), RATE)
    assert 4 < found["plr_db"] < 9
