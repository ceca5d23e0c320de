from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.resampling import resample, resampled

RATES = [(44_100, 48_000), (48_000, 44_100), (96_000, 48_000), (192_000, 8_000), (8_000, 192_000), (48_000, 48_000)]


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("frames", [1, 2, 17, 1000, 30_001])
def test_the_length_is_exact_and_any_split_gives_the_same(from_hz, to_hz, frames):
    audio = np.random.default_rng(frames).standard_normal((2, frames)).astype(np.float32)
    whole = resample(audio, from_hz, to_hz)
    assert whole.shape == (2, round(frames * to_hz / from_hz)) and whole.dtype == np.float32
    for block in (64, 1000):
        pieces = list(resampled((audio[:, at : at + block] for at in range(0, frames, block)), from_hz, to_hz))
        split = np.concatenate(pieces, axis=1) if pieces else whole[:, :0]
        assert split.shape == whole.shape and np.allclose(split, whole, atol=1e-6)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES[:4])
def test_a_tone_stays_where_it_is_in_time(from_hz, to_hz):
    hz = 997.0
    tone = np.sin(2 * np.pi * hz * np.arange(from_hz) / from_hz)
    expected = np.sin(2 * np.pi * hz * np.arange(to_hz) / to_hz)
    inner = slice(to_hz // 10, -to_hz // 10)
    assert np.abs(resample(tone, from_hz, to_hz) - expected)[inner].max() < 1e-6


def test_there_and_back_keeps_what_both_rates_can_hold():
    audio = np.random.default_rng(0).standard_normal(48_000)
    spectrum = np.fft.rfft(audio)
    spectrum[16_000:] = 0  # below 16 kHz
    audio = np.fft.irfft(spectrum).astype(np.float32)
    back = resample(resample(audio, 48_000, 44_100), 44_100, 48_000)
    assert back.shape == audio.shape
    assert np.abs(back - audio)[2000:-2000].max() < 5e-5


def test_nothing_stays_nothing():
    assert resample(np.zeros((2, 0)), 44_100, 48_000).shape == (2, 0)
    assert list(resampled([], 44_100, 48_000)) == []
