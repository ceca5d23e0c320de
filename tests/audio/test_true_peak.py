from __future__ import annotations

import math

import numpy as np
import pytest

from fxlab.audio.true_peak import FACTORS, TAPS, TruePeakMeter, phases, reach, true_peak_db
from fxlab.errors import UsageError

RATE = 48_000


def tone(share, amplitude, degrees, frames=4800):
    """A sine at a share of the rate, 10 ms of taper at both ends."""
    n = np.arange(frames)
    taper = np.minimum(1.0, np.minimum(n, n[::-1]) / 480)
    return (amplitude * taper * np.sin(2 * np.pi * share * n + np.radians(degrees))).astype(np.float32)


def band_limited(share, seed, frames=4096):
    """Periodic noise up to a share of the rate, full scale, its quietest place first."""
    rng = np.random.default_rng(seed)
    spectrum = np.zeros(frames // 2 + 1, complex)
    upto = int(share * frames)
    spectrum[1:upto] = rng.standard_normal(upto - 1) + 1j * rng.standard_normal(upto - 1)
    noise = np.fft.irfft(spectrum, frames)
    return noise / np.abs(noise).max()


def interpolated_db(noise, factor=64):
    """Peak of periodic noise on a far finer grid, by padding its spectrum."""
    spectrum = np.fft.rfft(noise)
    return 20 * math.log10(np.abs(np.fft.irfft(spectrum, factor * len(noise))).max() * factor)


@pytest.mark.parametrize("share, amplitude, degrees", [(1 / 4, 0.5, 45), (1 / 6, 0.5, 60), (1 / 8, 0.5, 67.5), (1 / 4, 1.41, 45)])
@pytest.mark.parametrize("factor", [4, 8, 16])
def test_tones_whose_samples_miss_the_peak(share, amplitude, degrees, factor):
    peak = true_peak_db(tone(share, amplitude, degrees), RATE, factor)
    assert peak == pytest.approx(20 * math.log10(amplitude), abs=0.03)


@pytest.mark.parametrize("factor, under", [(2, 0.25), (4, 0.05), (8, 0.01), (16, 0.01)])
def test_noise_up_to_nearly_half_the_rate_against_its_spectrum(factor, under):
    for seed in range(12):
        noise = band_limited(0.45, seed)
        start = np.argmax(np.convolve(np.tile(np.abs(noise), 2), np.ones(4), "valid")[: len(noise)])
        periods = np.tile(np.roll(noise, len(noise) // 2 - start), 3)  # the loudest in the middle
        periods *= np.minimum(1.0, np.minimum(np.arange(len(periods)), np.arange(len(periods))[::-1]) / 4000)
        error = true_peak_db(periods, RATE, factor) - interpolated_db(noise)
        assert -under < error < under


def test_the_peaks_of_scipy_resampling():
    resample_poly = pytest.importorskip("scipy.signal").resample_poly
    noise = np.stack([band_limited(0.4, seed) for seed in (1, 2)]) * [[0.3], [0.8]]
    meter = TruePeakMeter(RATE, 2)
    meter.add(noise)
    finer = 20 * np.log10(np.abs(resample_poly(noise, 32, 1, axis=1, window=("kaiser", 9.0))).max(axis=1))
    assert np.allclose(meter.peaks_db(), finer, atol=0.05)
    assert meter.peak_db() == max(meter.peaks_db())


@pytest.mark.parametrize("factor", FACTORS)
def test_any_split_gives_the_same_peak_and_reading_it_disturbs_nothing(factor):
    noise = np.random.default_rng(3).normal(0, 0.2, (2, 5000)).astype(np.float32)
    whole = true_peak_db(noise, RATE, factor)
    for sizes in ([1], [7, 300], [1024]):
        meter, at, turn = TruePeakMeter(RATE, 2, factor), 0, 0
        while at < noise.shape[1]:
            size = sizes[turn % len(sizes)]
            meter.add(noise[:, at : at + size])
            at, turn = at + size, turn + 1
            if turn % 50 == 0:
                meter.peak_db()
        assert meter.peak_db() == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_definition_in_plain_numpy_which_leaves_no_quiet_stretch_out(factor):
    rng = np.random.default_rng(4)
    x = (rng.standard_normal(30_000) * np.repeat(rng.uniform(0.02, 0.3, 60), 500)).astype(np.float32)
    padded = np.pad(x.astype(float), TAPS)
    places = len(padded) - TAPS + 1
    grid = [padded[TAPS // 2 - 1 :][:places], *(np.correlate(padded, taps.astype(float)) for taps in phases(factor))]
    grid = np.stack(grid, axis=1).ravel()
    before, here, after = grid[:-2], grid[1:-1], grid[2:]
    slope, bend = after - before, (2 * here - before - after) * np.sign(here)
    culminates = bend > np.abs(slope)
    peak = (np.abs(here) + np.where(culminates, slope**2 / (8 * np.where(culminates, bend, 1.0)), 0.0)).max()
    assert true_peak_db(x, RATE, factor) == pytest.approx(20 * math.log10(peak), abs=1e-5)


@pytest.mark.parametrize("factor", FACTORS)
def test_no_peak_is_higher_than_the_worst_case_that_quiet_stretches_are_left_out_for(factor):
    highest = 0.0
    taps = phases(factor).astype(float)
    second = [2 * b - a - c for a, b, c in zip(taps, taps[1:], taps[2:], strict=False)]
    for worst in (*taps, *second):  # the samples that a filter, or the bend, makes most of
        x = np.pad(np.sign(worst), TAPS)
        highest = max(highest, 10 ** (true_peak_db(x, RATE, factor) / 20))
    assert 0.8 * reach(factor) < highest <= reach(factor)


def test_what_lies_at_the_very_edges_counts():
    edges = np.zeros(3000, np.float32)
    edges[[0, -2, -1]] = 0.1, 0.5, 0.5  # rises above both samples between them
    assert true_peak_db(edges, RATE) == pytest.approx(true_peak_db(np.pad(edges, 100), RATE), abs=1e-5)
    assert true_peak_db(edges, RATE) > 20 * math.log10(0.6)


def test_the_samples_belong_to_it_and_silence_has_none():
    impulse = np.zeros((1, 600), np.float32)
    impulse[0, 300] = -0.7
    assert true_peak_db(impulse, RATE) >= 20 * math.log10(0.7) - 1e-6
    assert true_peak_db(np.zeros((2, 1000)), RATE) == -math.inf
    assert TruePeakMeter(RATE, 1).peak_db() == -math.inf
    assert true_peak_db(np.full(999, 0.25), RATE) == pytest.approx(20 * math.log10(0.25), abs=1.5)  # a step overshoots


def test_what_is_not_a_number_counts_as_silence():
    x = np.random.default_rng(5).normal(0, 0.2, 3000).astype(np.float32)
    x[1000:1003] = 0.0
    bad = x.copy()
    bad[1000:1003] = np.nan, np.inf, -np.inf
    assert true_peak_db(bad, RATE) == true_peak_db(x, RATE)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_filters_are_flat(factor):
    taps = phases(factor).astype(float)
    assert taps.shape == (factor - 1, TAPS) and np.allclose(taps, taps[::-1, ::-1], atol=1e-7)
    at = np.arange(TAPS) - (TAPS // 2 - 1) - np.arange(1, factor)[:, None, None] / factor
    share = np.linspace(0, 0.468, 200)[:, None]
    response = np.sum(taps[:, None] * np.exp(-2j * np.pi * share * at), axis=2)
    assert np.abs(response - 1).max() < 10 ** (0.012 / 20) - 1


def test_other_factors_are_refused():
    with pytest.raises(UsageError, match="3 values a sample"):
        TruePeakMeter(RATE, 1, 3)
