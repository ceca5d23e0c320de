"""Spectral figures against distortions whose spectrum is known in closed form."""

import math

import numpy as np
import pytest

from fxlab.metrics import spectrum
from fxlab.metrics.spectrum import aliasing_to_signal_db, coherent_sine, dc_on_silence, harmonics, noise_floor_db, thd_db


def wave(tone, amplitude=1.0):
    """The tone in float64, so that float32 rounding isn't what gets measured."""
    return amplitude * np.sin(2 * np.pi * tone.cycles / tone.period * np.arange(tone.period))


@pytest.fixture(scope="module")
def tone():
    return coherent_sine(1245, 48_000, amplitude=1.0, period=4000)


def test_tone_is_coherent_and_prime(tone):
    assert tone.period >= 4000 and all(tone.period % d for d in range(2, 70))
    assert tone.frequency_hz == pytest.approx(1245, abs=48_000 / tone.period / 2)
    assert tone.audio.dtype == np.float32 and len(tone.audio) == tone.period + tone.period // 2
    found = harmonics(tone.audio, tone)
    assert found[1] == pytest.approx(1, abs=1e-6) and np.all(found[2:] < 1e-7)
    for bad in (0, -5, 24_000, math.nan):
        with pytest.raises(ValueError, match="doesn't exist"):
            coherent_sine(bad, 48_000)


def test_polynomial_has_exactly_its_harmonics(tone):
    """Chebyshev: with x = sin, 1/2 x + 1/4 (2 x^2 - 1) + 1/8 (4 x^3 - 3 x) has amplitudes 1/2, 1/4, 1/8."""
    x = wave(tone)
    found = harmonics(0.5 * x + 0.25 * (2 * x**2 - 1) + 0.125 * (4 * x**3 - 3 * x) + 0.3, tone)
    assert found[:4] == pytest.approx([0.3, 0.5, 0.25, 0.125], abs=1e-12)
    assert found[4:] == pytest.approx(0, abs=1e-12)


def test_thd_of_a_polynomial(tone):
    x = wave(tone)
    thd = thd_db(x + 0.1 * (2 * x**2 - 1) + 7, tone)  # DC doesn't count
    assert thd == pytest.approx(-20, abs=1e-9)
    assert thd_db(x, tone) < -250


def test_square_wave_thd():
    """An ideal square wave has THD_F = sqrt(pi^2 / 8 - 1) = 48.3 %; below Nyquist only part of it is left."""
    tone = coherent_sine(20, 48_000, period=50_000)
    expected = 10 * math.log10(sum(1 / k**2 for k in range(3, int(24_000 / tone.frequency_hz), 2)))
    assert thd_db(np.sign(wave(tone) + 1e-15), tone) == pytest.approx(expected, abs=0.05)


def test_tanh_harmonics_by_integration(tone):
    """tanh(4 sin) has odd harmonics only, whose amplitudes are Fourier integrals."""
    integrate = pytest.importorskip("scipy.integrate")
    found = harmonics(np.tanh(4 * wave(tone)), tone)
    for k in (1, 3, 5):
        amplitude = integrate.quad(lambda t, k=k: np.tanh(4 * np.sin(t)) * np.sin(k * t) / np.pi, 0, 2 * np.pi)[0]
        assert found[k] == pytest.approx(abs(amplitude), rel=1e-3)
    assert np.all(found[2:8:2] < 1e-9)


def test_aliases_are_told_from_harmonics(tone):
    """x^21 of 1245 Hz makes 21 * 1245 > 24 kHz: only that component (2^-20) folds, everything else stays harmonic."""
    output = wave(tone) ** 21
    components = np.array([math.comb(21, k) for k in range(11)]) / 2.0**20  # 21st, 19th, ... 1st harmonic
    alias, kept = components[0] ** 2, np.sum(components[1:] ** 2)
    assert aliasing_to_signal_db(output, tone) == pytest.approx(10 * math.log10(alias / kept), abs=1e-3)
    assert aliasing_to_signal_db(output + 3.0, tone) == pytest.approx(10 * math.log10(alias / kept), abs=1e-3)


def test_naive_saturator_aliases_as_published():
    """tanh(24 dB drive + bias 0.2) at 1245 Hz, 48 kHz: about -28 dB full band."""
    tone = coherent_sine(1245, 48_000, period=24_000)
    assert aliasing_to_signal_db(np.tanh(10 ** (24 / 20) * wave(tone) + 0.2), tone) == pytest.approx(-28, abs=1.5)


def test_noise_counts_as_what_is_not_harmonic(tone):
    noise = np.random.default_rng(1).standard_normal(tone.period)
    noise *= 0.001 / np.sqrt(np.mean(noise**2))
    assert aliasing_to_signal_db(wave(tone) + noise, tone) == pytest.approx(-57, abs=0.3)  # 1e-6 / 0.5


def test_silence(tone):
    silence = np.zeros(tone.period)
    assert noise_floor_db(silence) == aliasing_to_signal_db(silence, tone) == thd_db(silence, tone) == spectrum.FLOOR_DB
    assert dc_on_silence(silence) == 0
    offset = np.full(1000, 0.25) + 0.01 * np.array([1, -1] * 500)
    assert noise_floor_db(offset) == pytest.approx(-40, abs=1e-9)
    assert dc_on_silence(offset) == pytest.approx(0.25)
    assert math.isnan(thd_db(np.full(tone.period, np.nan), tone))


def test_needs_a_whole_period(tone):
    with pytest.raises(ValueError, match="at least"):
        harmonics(np.zeros(tone.period - 1), tone)
