"""ACE's filterbank, as its kernel plays it, against independent gammatones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import gammatone, lfilter

from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.kernel_bank import split

RATE = 48_000


def bands_of(x, bank):
    """The complex bands of a sound (n,) as the kernel splits it, (n, K): the real part for weight 1, the other for weight -i."""
    poles, count = np.array([bank.poles.real, bank.poles.imag]), len(bank.poles)
    parts = []
    for weights in (np.stack([bank.gains, 0 * bank.gains]), np.stack([0 * bank.gains, -bank.gains])):
        parts.append(np.zeros((len(x), count)))
        split(x, np.zeros((1, 2, 4, count)), poles, weights, 0, parts[-1], np.zeros(count))
    return parts[0] + 1j * parts[1]


@pytest.mark.parametrize("rate, bands", [(8_000, 16), (48_000, 60), (192_000, 32)])
def test_impulse_responses_are_gammatones(rate, bands):
    """c[n] = gain (n + 1)(n + 2)(n + 3) / 6 a^n, four one-poles in a row, by a closed formula."""
    bank = bank_of(rate, bands, 8)
    x = np.zeros(2000)
    x[0] = 1.0
    n = np.arange(2000)[:, None]
    expected = bank.gains * (n + 1) * (n + 2) * (n + 3) / 6 * bank.poles**n
    np.testing.assert_allclose(bands_of(x, bank), expected, atol=1e-12)


def test_bands_are_as_wide_as_those_of_another_gammatone():
    """SciPy's filter of the same order and ERB: its magnitude response is ours within 2 dB over the upper 30 dB, above 300 Hz."""
    bank = bank_of(RATE, 60, 8)
    x = np.zeros(8192)
    x[0] = 1.0
    responses = np.abs(np.fft.rfft(bands_of(x, bank).real, axis=0))
    for k in np.flatnonzero((bank.centres_hz > 300) & (bank.centres_hz < 15_000))[::6]:
        other = np.abs(np.fft.rfft(lfilter(*gammatone(bank.centres_hz[k], "iir", fs=RATE), x)))
        ours_db, others_db = (20 * np.log10(one / one.max()) for one in (responses[:, k], other))
        loud = others_db > -30
        assert np.abs(ours_db - others_db)[loud].max() < 2.0, bank.centres_hz[k]


@pytest.mark.parametrize("rate, bands", [(8_000, 24), (44_100, 60), (192_000, 60)])
def test_a_sine_at_a_centre_has_the_level_1(rate, bands):
    bank = bank_of(rate, bands, 8)
    for k in (0, bands // 2, bands - 3):
        settled = int(40 / (1 - abs(bank.poles[k])))
        sine = np.sin(2 * np.pi * bank.centres_hz[k] / rate * np.arange(settled + 400))
        level = np.abs(bands_of(sine, bank)[settled:, k])
        assert level.mean() == pytest.approx(1.0, abs=0.02), bank.centres_hz[k]
