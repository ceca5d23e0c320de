"""Intelligibility against the implementation that others use, and the ratio against its definition."""

from __future__ import annotations

import numpy as np
import pystoi
import pytest

from fxlab.metrics.intelligibility import estoi, si_snr_db

RATE = 10_000


@pytest.fixture(scope="module")
def speech():
    """Something like it: noise in four bands that open and shut like mouths, with pauses."""
    rng, time_s = np.random.default_rng(0), np.arange(2 * 48_000) / 48_000
    sound = np.zeros(len(time_s))
    for at_hz in (300.0, 700.0, 1500.0, 3000.0):
        beats = np.clip(np.sin(2 * np.pi * rng.uniform(2, 6) * time_s + rng.uniform(0, 6)), 0, 1)
        sound += beats * np.sin(2 * np.pi * at_hz * time_s + np.cumsum(rng.standard_normal(len(time_s))) * 0.05)
    sound[40_000:60_000] = 0
    return 0.1 * sound


@pytest.mark.parametrize("rate", [10_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("snr_db", [-6, 3, 15])
def test_it_is_what_others_measure(speech, rate, snr_db):
    noise = np.random.default_rng(1).standard_normal(len(speech))
    heard = speech + noise * np.sqrt(np.mean(speech**2) / 10 ** (snr_db / 10))
    assert estoi(speech, heard, rate) == pytest.approx(pystoi.stoi(speech, heard, rate, extended=True), abs=1e-3)


def test_at_its_own_rate_it_is_the_same_number(speech):
    heard = speech + 0.05 * np.random.default_rng(1).standard_normal(len(speech))
    assert estoi(speech, heard, RATE) == pytest.approx(pystoi.stoi(speech, heard, RATE, extended=True), abs=1e-9)


def test_pauses_and_gain_do_not_count(speech):
    sounding = np.concatenate((speech[:40_000], speech[60_000:]))
    noise = 0.05 * np.random.default_rng(1).standard_normal(len(speech))
    heard = speech + noise
    assert estoi(speech, speech, RATE) == pytest.approx(1)
    assert estoi(speech, 0.01 * heard, RATE) == pytest.approx(estoi(speech, heard, RATE))
    without = estoi(sounding, sounding + np.concatenate((noise[:40_000], noise[60_000:])), RATE)
    assert estoi(speech, heard, RATE) == pytest.approx(without, abs=0.01)


def test_there_is_none_without_speech(speech):
    assert estoi(np.zeros(RATE), speech[:RATE], RATE) is None
    assert estoi(speech[:2000], speech[:2000], RATE) is None
    assert estoi(speech[:100], speech[:100], RATE) is None
    assert estoi(speech, np.zeros_like(speech), RATE) == 0


def test_the_ratio_is_that_of_its_parts():
    rng = np.random.default_rng(0)
    target = rng.standard_normal(5000)
    target -= target.mean()
    noise = rng.standard_normal(5000)
    noise -= noise.mean() + target * (noise @ target) / (target @ target)
    noise *= np.sqrt((target @ target) / (noise @ noise))
    for db in (-10, 0, 30):
        output = -3 * (target + noise * 10 ** (-db / 20)) + 7
        assert si_snr_db(target, output) == pytest.approx(db)
    assert si_snr_db(target, 2 * target) is None
    assert si_snr_db(np.zeros(10), np.ones(10)) is None
    assert si_snr_db(target, np.zeros(5000)) is None


def test_signals_must_fit():
    with pytest.raises(ValueError, match="one length"):
        si_snr_db(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="mono"):
        estoi(np.zeros((2, 3)), np.zeros((2, 3)), RATE)
