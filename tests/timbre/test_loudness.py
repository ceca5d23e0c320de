"""Loudness: the standard's table, a weighting filter of its own, and how level and time enter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from fxlab.audio.a_weighting import a_weights
from fxlab.timbre.frames import SILENCE_DB
from fxlab.timbre.loudness import frame_size, loudness_db

RATE_HZ, HOP = 22_050, 512


@pytest.mark.parametrize("rate_hz, hop", [(22_050, 512), (8_000, 16), (192_000, 8_192)])
def test_a_full_scale_sine_of_1_khz_has_its_rms(rate_hz, hop):
    sine = np.sin(2 * np.pi * 1000 * np.arange(rate_hz) / rate_hz)
    levels = loudness_db(sine, rate_hz, hop, 1 + len(sine) // hop)
    inside = levels[frame_size(rate_hz, hop) // hop : -frame_size(rate_hz, hop) // hop - 1]
    np.testing.assert_allclose(inside, 20 * np.log10(np.sqrt(0.5)), atol=0.01)


def test_the_highest_frequency_counts_like_any_other():
    audio = (-1.0) ** np.arange(16 * HOP)
    np.testing.assert_allclose(loudness_db(audio, RATE_HZ, HOP, 17)[8], 10 * np.log10(a_weights(RATE_HZ / 2)), atol=0.01)


def test_agrees_with_a_weighting_filter_before_the_window():
    rng = np.random.default_rng(1)
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = sum(np.sin(2 * np.pi * k * (150 * seconds + 20 * seconds**2)) / k for k in range(1, 30))
    audio = (tone + 0.2 * rng.standard_normal(len(seconds))) * np.exp(-1.5 * seconds) * 0.1
    # The analogue filter's poles and zeros, applied to the whole; then the mean square under each window.
    poles = -2 * np.pi * np.array([20.598997, 20.598997, 107.65265, 737.86223, 12194.217, 12194.217])
    _, response = signal.freqs_zpk(
        [0] * 4,
        poles,
        (2 * np.pi * 12194.217) ** 2 * 10 ** (1.9997 / 20),
        2 * np.pi * np.fft.rfftfreq(2 * len(audio), 1 / RATE_HZ),
    )
    weighted = np.fft.irfft(np.fft.rfft(audio, 2 * len(audio)) * np.abs(response))[: len(audio)]
    size = frame_size(RATE_HZ, HOP)
    window = signal.windows.hann(size, sym=False) ** 2
    means = np.convolve(weighted**2, window / window.sum())[size // 2 :: HOP]
    frames = 1 + len(audio) // HOP
    np.testing.assert_allclose(loudness_db(audio, RATE_HZ, HOP, frames)[2:-2], 10 * np.log10(means[:frames])[2:-2], atol=0.35)


def test_gain_adds_decibels_and_silence_has_a_floor():
    audio = np.random.default_rng(2).standard_normal(5 * HOP)
    there = loudness_db(audio, RATE_HZ, HOP, 6)
    np.testing.assert_allclose(loudness_db(audio / 100, RATE_HZ, HOP, 6), there - 40, atol=1e-9)
    assert (loudness_db(0 * audio, RATE_HZ, HOP, 6) == SILENCE_DB).all()


def test_frames_are_centred():
    click = np.zeros(16 * HOP)
    click[8 * HOP] = 1
    levels = loudness_db(click, RATE_HZ, HOP, 17)
    assert np.argmax(levels) == 8
    np.testing.assert_allclose(levels[4:8], levels[12:8:-1], atol=1e-9)


def test_no_audio_and_more_frames_than_audio():
    assert loudness_db(np.zeros(0), RATE_HZ, HOP, 3).tolist() == [SILENCE_DB] * 3
