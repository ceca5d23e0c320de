"""MFCCs against librosa's figures, against SciPy's transforms, and against what is known of them."""

import numpy as np
import pytest

from fxlab.metrics.mfcc import mel_filters, mfcc

RATE = 44_100
# librosa 0.11.0: librosa.feature.mfcc(y=buzz(1.0), sr=44100).mean(axis=1)
LIBROSA = """-385.6167 197.3129 -16.4051 -16.8293 41.3683 5.0246 -16.8568 14.349 6.9358 -16.1274
0.8754 7.3545 -11.5185 -5.7202 5.8594 -7.9348 -10.8905 2.3972 -3.2126 -11.276"""


def buzz(slope):
    """Three seconds of 39 harmonics of 110 Hz that die away."""
    t = np.arange(3 * RATE) / RATE
    return 0.2 * np.exp(-1.5 * t) * sum(np.sin(2 * np.pi * 110 * n * t) / n**slope for n in range(1, 40))


def test_librosa_says_the_same():
    found = mfcc(buzz(1.0), RATE)
    assert found.shape == (259, 20)
    assert found.mean(axis=0) == pytest.approx([float(value) for value in LIBROSA.split()], abs=1e-4)


def test_scipy_transforms_say_the_same():
    fft = pytest.importorskip("scipy.fft")
    signal = pytest.importorskip("scipy.signal")
    audio = np.random.default_rng(0).standard_normal(5000)
    window, padded = signal.get_window("hann", 2048), np.concatenate([np.zeros(1024), audio, np.zeros(1024)])
    power = np.abs([fft.rfft(window * padded[start : start + 2048]) for start in range(0, 5001, 512)]) ** 2
    decibels = 10 * np.log10(power @ mel_filters(RATE).T)
    np.testing.assert_allclose(mfcc(audio, RATE), fft.dct(decibels, norm="ortho")[:, :20], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_bands_have_unit_area_and_grow_wider(rate):
    filters = mel_filters(rate)
    assert filters.shape == (128, 1025) and filters.min() == 0
    assert np.all(np.diff(filters.argmax(axis=1)) >= 0)
    width = (filters > 0).sum(axis=1)
    wide = width > 8
    assert np.all(np.diff(width[wide]) >= -1)
    assert filters[wide].sum(axis=1) * rate / 2048 == pytest.approx(1, abs=0.03)


def test_a_gain_moves_the_first_coefficient_alone():
    noise = np.random.default_rng(1).standard_normal(20_000)
    moved = mfcc(10 ** (3 / 20) * noise, RATE) - mfcc(noise, RATE)
    assert moved[:, 0] == pytest.approx(3 * np.sqrt(128), abs=1e-9)
    assert np.abs(moved[:, 1:]).max() < 1e-9


def test_silence_and_a_single_sample_are_finite():
    assert mfcc(np.zeros(4000, np.float32), RATE)[:, 0] == pytest.approx(-100 * np.sqrt(128))
    assert np.isfinite(mfcc(np.ones(1), RATE)).all() and mfcc(np.ones(1), RATE).shape == (1, 20)
