"""Spectral and temporal contrast: what they are large for, small for, and what they don't depend on."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.erb import erb_rate
from fxlab.metrics.contrast import STEP_S, Contrast, band_powers, contrast, contrast_of, levels_db

RATE = 24_000
FRAMES = 2 * RATE
TIME_S = np.arange(FRAMES) / RATE


@pytest.fixture(scope="module")
def noise():
    return 0.1 * np.random.default_rng(0).standard_normal(FRAMES).astype(np.float32)


def tones(*freqs_hz):
    return sum(0.3 * np.sin(2 * np.pi * freq_hz * TIME_S) for freq_hz in freqs_hz)


def clicks(every_s=0.25):
    train = np.zeros(FRAMES)
    train[round(0.1 * RATE) :: round(every_s * RATE)] = 0.9
    return train


def test_tones_over_noise_have_more_spectral_contrast_than_noise(noise):
    assert contrast(tones(600, 3000) + noise, RATE).spectral > contrast(noise, RATE).spectral + 2


def test_spectral_contrast_is_where_the_tone_is(noise):
    found = contrast(tones(1000) + 0.01 * noise, RATE)
    peak = np.argmax(found.spectral_db)
    assert abs(erb_rate(found.centres_hz[peak]) - erb_rate(1000.0)) < 0.5
    valley = np.abs(erb_rate(found.centres_hz) - erb_rate(1000.0) - 2.5).argmin()
    assert found.spectral_db[valley] < 0 < 6 < found.spectral_db[peak]


def test_clicks_have_temporal_contrast_and_a_steady_tone_has_none(noise):
    assert contrast(tones(1000), RATE).temporal == pytest.approx(0.0, abs=0.01)
    assert contrast(clicks(), RATE).temporal > 40
    assert contrast(clicks() + 0.01 * noise, RATE).temporal > contrast(noise, RATE).temporal + 10


def test_temporal_contrast_is_the_depth_of_a_slow_modulation():
    """Half of the time 20 dB down, the power-weighted level is the loud one's but for its share of 1 in 101."""
    gate = np.where(TIME_S % 1.0 < 0.5, 1.0, 0.1)
    found = contrast(tones(1000) * gate, RATE)
    band = np.abs(found.centres_hz - 1000).argmin()
    assert found.temporal_db[band] == pytest.approx(10 - 20 / 101, abs=0.5)


@pytest.mark.parametrize("gain", [1e-3, 30.0])
def test_the_level_does_not_matter(noise, gain):
    audio = tones(400, 2500) * (0.2 + clicks(0.05)) + 0.1 * noise
    loud, soft = contrast(audio, RATE), contrast(gain * audio, RATE)
    np.testing.assert_allclose(soft.spectral_db, loud.spectral_db, atol=1e-3)
    np.testing.assert_allclose(soft.temporal_db, loud.temporal_db, atol=1e-3)


def test_silence_around_does_not_matter_and_silence_alone_has_no_contrast(noise):
    alone = contrast(noise, RATE)
    among = contrast(np.pad(noise, RATE // 2), RATE)
    assert among.spectral == pytest.approx(alone.spectral, abs=0.3)
    assert among.temporal == pytest.approx(alone.temporal, abs=0.5)
    nothing = contrast(np.zeros(1000), RATE)
    assert (nothing.spectral, nothing.temporal) == (0.0, 0.0) and not nothing.spectral_db.any()


def test_channels_are_heard_together(noise):
    audio = noise + tones(800)
    np.testing.assert_allclose(band_powers(np.stack([audio, audio]), RATE)[1], band_powers(audio, RATE)[1], rtol=1e-5)
    half = band_powers(np.stack([audio, 0 * audio]), RATE)[1]
    np.testing.assert_allclose(2 * half, band_powers(audio, RATE)[1], rtol=1e-5)


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 96_000])
def test_a_sine_at_a_centre_has_its_power_there_at_any_rate(rate_hz):
    centres_hz, _ = band_powers(np.zeros(1), rate_hz)
    for band in (10, 40, len(centres_hz) - 6):
        sine = 0.5 * np.sin(2 * np.pi * centres_hz[band] * np.arange(rate_hz // 2) / rate_hz)
        powers = band_powers(sine, rate_hz)[1]
        middle = powers[len(powers) // 2]
        assert middle.argmax() == band
        assert 10 * np.log10(middle[band] / 0.25) == pytest.approx(0, abs=1)


def test_a_step_is_centred_on_its_time():
    audio = np.zeros(RATE)
    audio[RATE // 2] = 1.0
    powers = band_powers(audio, RATE)[1]
    assert np.abs(powers.sum(axis=1).argmax() - 0.5 / STEP_S) <= 1


@pytest.mark.parametrize("frames", [1, 7, 300, 3000])
def test_the_shortest_audio_can_be_told(frames):
    found = contrast(np.ones((2, frames)), RATE)
    assert isinstance(found, Contrast) and np.isfinite([*found.spectral_db, *found.temporal_db]).all()


@pytest.mark.parametrize(("audio", "rate_hz"), [(np.zeros(0), RATE), (np.zeros(10), 500), (np.zeros((1, 1, 10)), RATE)])
def test_what_is_no_audio_is_refused(audio, rate_hz):
    with pytest.raises(ValueError, match="expected audio"):
        contrast(audio, rate_hz)


def test_levels_end_80_db_below_the_loudest():
    assert levels_db(np.array([1.0, 1e-3, 0.0])) == pytest.approx([0, -30, -80])
    assert levels_db(np.array([1e-9]), loudest=1.0) == pytest.approx([-80])
    centres_hz = np.array([100.0, 1000.0])
    assert contrast_of(centres_hz, np.zeros((5, 2), np.float32)).temporal == 0
