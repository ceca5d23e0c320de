from __future__ import annotations

import math
import shutil
import subprocess

import numpy as np
import pytest

from fxlab.audio.files import read
from fxlab.audio.levels import LevelMeter
from fxlab.audio.loudness import LoudnessMeter, channel_weights, integrated_lufs, k_weighting

RATES = [8_000, 22_050, 44_100, 48_000, 96_000, 192_000]


def sine(level_db: float, seconds: float, rate: int = 48_000, hz: float = 1000.0) -> np.ndarray:
    return 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def test_the_coefficients_of_the_standard_at_48_khz():
    # ITU-R BS.1770-4, annex 1, tables 1 and 2
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585]
    highpass = [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621]
    assert np.allclose(k_weighting(48_000), [shelf, highpass], atol=1e-9)


def test_the_weighting_is_that_of_scipy_filtering():
    signal = pytest.importorskip("scipy.signal")
    audio = np.random.default_rng(0).normal(0, 0.1, 48_000 * 2)
    weighted = audio
    for b0, b1, b2, a1, a2 in k_weighting(44_100):
        weighted = signal.lfilter([b0, b1, b2], [1, a1, a2], weighted)
    hops = weighted[: len(audio) // 4410 * 4410].reshape(-1, 4410)
    power = np.convolve(np.mean(hops**2, axis=1), np.full(4, 0.25), "valid")
    power = power[10 * np.log10(power) - 0.691 > -70]
    power = power[power > 0.1 * power.mean()]
    assert integrated_lufs(audio, 44_100) == pytest.approx(10 * np.log10(power.mean()) - 0.691, abs=1e-4)


@pytest.mark.parametrize("rate", RATES[2:])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_agrees_with_pyloudnorm(rate, channels):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    rng = np.random.default_rng(channels)
    swell = np.interp(np.arange(rate * 6), [0, rate * 2, rate * 4, rate * 6], [0.001, 0.3, 0.02, 0.2])
    audio = rng.normal(0, 0.3, (channels, rate * 6)).cumsum(axis=1) * 0.02 * swell
    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(audio.T)
    assert integrated_lufs(audio, rate) == pytest.approx(expected, abs=0.1)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
@pytest.mark.parametrize("name", ["music/egypt.ogg", "mixes/city_blues.flac", "di/jazz_trot_guitar.flac"])
def test_agrees_with_ffmpeg(shared_audio, name):
    command = ["ffmpeg", "-nostats", "-i", shared_audio / name, "-filter_complex", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    expected = float(said.rsplit("I:", 1)[1].split()[0])
    assert integrated_lufs(*read(shared_audio / name)) == pytest.approx(expected, abs=0.1)


def test_real_music_agrees_with_pyloudnorm(shared_audio):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    for name in ("music/egypt.ogg", "mixes/city_blues.flac"):
        audio, rate = read(shared_audio / name)
        expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(audio.T.astype(np.float64))
        assert integrated_lufs(audio, rate) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", [11_025, 44_100])
def test_any_split_into_blocks_gives_the_same(rate):
    audio = np.random.default_rng(3).normal(0, 0.1, (2, rate * 2)).astype(np.float32)
    whole = integrated_lufs(audio, rate)
    meter = LoudnessMeter(rate, 2)
    for start in range(0, audio.shape[1], 777):
        meter.add(audio[:, start : start + 777])
    assert meter.integrated() == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("rate", RATES)
def test_one_sound_is_as_loud_at_every_rate(rate):
    tone = sine(-20, 3, rate, 400)
    assert integrated_lufs(tone, rate) == pytest.approx(integrated_lufs(sine(-20, 3, 48_000, 400), 48_000), abs=0.05)


def test_silence_and_what_is_too_short_have_no_loudness():
    assert integrated_lufs(np.zeros((2, 48_000)), 48_000) == -math.inf
    assert integrated_lufs(sine(-10, 0.39), 48_000) == -math.inf
    assert integrated_lufs(sine(-10, 0.4), 48_000) > -20
    assert LoudnessMeter(48_000, 1).integrated() == -math.inf


def test_weights_of_the_loudspeakers():
    assert channel_weights(1).tolist() == [1.0] and channel_weights(2).tolist() == [1.0, 1.0]
    assert channel_weights(6).tolist() == [1, 1, 1, 0, 1.41, 1.41]
    assert channel_weights(8).tolist() == [1, 1, 1, 0, 1, 1, 1.41, 1.41]
    assert channel_weights(6, (2, 3, 4, 11, 14, 15)).tolist() == [1, 1, 1, 0, 1.41, 1.41]
    assert channel_weights(11).tolist() == [1.0] * 11


def test_level_meter():
    meter = LevelMeter(48_000, 1)
    assert meter.levels().peak_db == -math.inf
    meter.add(np.array([[0.1, -0.5, 0.2]], np.float32))
    meter.add(np.zeros((1, 0), np.float32))
    assert meter.levels().peak_db == pytest.approx(-6.02, abs=0.01) and meter.levels().lufs == -math.inf
