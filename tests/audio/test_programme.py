from __future__ import annotations

import json
import math
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.audio.biquad import run_cascade
from fxlab.audio.files import read
from fxlab.audio.levels import LevelMeter
from fxlab.audio.loudness import channel_weights, integrated_lufs, k_weighting
from fxlab.audio.programme import Programme, ProgrammeMeter

SONGS = ["music/egypt.ogg", "mixes/city_blues.flac"]


def meter_of(audio: np.ndarray, rate: int, **options) -> ProgrammeMeter:
    meter = ProgrammeMeter(rate, audio.shape[0], **options)
    meter.add(audio)
    return meter


def swelling(rate: int, seconds: float, channels: int = 2) -> np.ndarray:
    """Noise of changing level, with a second of digital silence in it."""
    frames = int(rate * seconds)
    swell = np.interp(np.arange(frames) / rate, [0, 1.5, 1.501, 2.5, 2.501, seconds], [0.2, 0.01, 0, 0, 0.5, 0.02])
    return (np.random.default_rng(channels).normal(0, 0.3, (channels, frames)) * swell).astype(np.float32)


def windows_by_the_book(audio: np.ndarray, rate: int, seconds: float, step_s: float) -> np.ndarray:
    """Loudness of every window of `seconds`, one each `step_s`: the plain cascade, a running sum, nothing else."""
    weighted = np.empty(audio.shape)
    run_cascade(audio, weighted, k_weighting(rate), np.zeros((len(audio), 2, 2)))
    energy = np.concatenate([[0], np.cumsum(channel_weights(len(audio)) @ weighted**2)])
    ends = np.arange(round(seconds / step_s), round(audio.shape[1] / rate / step_s) + 1) * step_s * rate
    starts = ends - seconds * rate
    with np.errstate(divide="ignore"):
        power = energy[np.floor(ends + 0.5).astype(int)] - energy[np.floor(starts + 0.5).astype(int)]
        return -0.691 + 10 * np.log10(np.maximum(power, 0) / (seconds * rate))


@pytest.mark.parametrize(("rate", "channels"), [(11_025, 1), (44_100, 2), (48_000, 6), (96_000, 2)])
def test_windows_and_their_maxima_are_those_of_the_plain_filter(rate, channels):
    audio = swelling(rate, 5, channels)
    meter = meter_of(audio, rate, true_peak=0)
    programme, series = meter.programme(), meter.series()
    assert programme.momentary_max_lufs == pytest.approx(windows_by_the_book(audio, rate, 0.4, 0.01).max(), abs=1e-9)
    assert programme.short_term_max_lufs == pytest.approx(windows_by_the_book(audio, rate, 3, 0.01).max(), abs=1e-9)
    book = windows_by_the_book(audio, rate, 0.4, 0.1)
    audible = book > -100  # below, the book's running sum has no digits left
    assert series.momentary_lufs[audible] == pytest.approx(book[audible], abs=1e-4)
    assert series.short_term_lufs == pytest.approx(windows_by_the_book(audio, rate, 3, 0.1), abs=1e-4)
    assert programme.integrated_lufs == pytest.approx(integrated_lufs(audio, rate), abs=1e-4)
    assert programme.sample_peak_db == pytest.approx(20 * math.log10(np.abs(audio).max()), abs=1e-9)
    assert programme.seconds == 5


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 30_000), max_size=12), st.sampled_from([11_025, 44_100]))
def test_any_split_into_blocks_gives_the_same(cuts, rate):
    audio = swelling(rate, 4)
    whole, split = meter_of(audio, rate, true_peak=0), ProgrammeMeter(rate, 2, true_peak=0)
    for block in np.split(audio, sorted(cuts), axis=1):
        split.add(block)
    assert split.programme() == whole.programme()
    assert all(np.array_equal(a, b) for a, b in zip(vars(split.series()).values(), vars(whole.series()).values(), strict=True))


def test_true_peak_and_what_follows_from_it():
    rate = 48_000
    between = np.sin(2 * np.pi * rate / 4 / rate * np.arange(rate) + np.pi / 4)  # its samples lie 3 dB under its peaks
    programme = meter_of(0.5 * between[None], rate).programme()
    assert programme.sample_peak_db == pytest.approx(-9.03, abs=0.01)
    assert programme.true_peak_db == pytest.approx(-6.02, abs=0.1)
    assert programme.plr_db == programme.true_peak_db - programme.integrated_lufs
    left_out = meter_of(between[None], rate, true_peak=0).programme()
    assert left_out.true_peak_db is None and left_out.plr_db is None


def test_the_series_tells_when():
    rate = 8_000
    audio = np.zeros((1, 6 * rate), np.float32)
    audio[0, 4 * rate :] = 0.1 * np.sin(2 * np.pi * 500 / rate * np.arange(2 * rate))
    series = meter_of(audio, rate).series()
    for times, lufs, window in (
        (series.momentary_s, series.momentary_lufs, 0.4),
        (series.short_term_s, series.short_term_lufs, 3.0),
    ):
        assert times.dtype == lufs.dtype == np.float32 and len(times) == len(lufs)
        assert times[0] == pytest.approx(window) and times[-1] == pytest.approx(6.0)
        assert times[np.isfinite(lufs)][0] == pytest.approx(4.1)


@pytest.mark.parametrize("level", [1.0, 1e-5])
def test_what_is_silent_or_short_has_no_loudness(level):
    rate = 48_000
    noise = level * swelling(rate, 1.4)
    for seconds, audio in ((0.0, noise[:, :0]), (0.39, noise[:, : int(0.39 * rate)]), (1.4, noise), (4.0, 0 * swelling(rate, 4))):
        meter = meter_of(audio, rate)
        programme, short = meter.programme(), audio.shape[1] < 0.4 * rate
        silent = not audio.any()
        assert programme.seconds == pytest.approx(seconds)
        assert programme.range_lu is None and programme.short_term_max_lufs == -math.inf
        assert (programme.momentary_max_lufs == -math.inf) == (short or silent)
        assert (programme.integrated_lufs == -math.inf) == (short or silent or level < 1)
        assert (programme.true_peak_db == -math.inf) == (programme.sample_peak_db == -math.inf) == silent
        assert (programme.plr_db is None) == (programme.integrated_lufs == -math.inf)
        assert len(meter.series().short_term_lufs) == (11 if seconds == 4 else 0)
        said = json.loads(json.dumps(programme.to_json(), allow_nan=False))
        assert (said["integrated_lufs"] is None) == (programme.integrated_lufs == -math.inf)


def test_json_holds_every_figure():
    programme = Programme(2.0, -14.0, 5.0, -12.0, -10.0, -1.0, -1.5)
    assert programme.to_json() == {
        "seconds": 2.0,
        "integrated_lufs": -14.0,
        "range_lu": 5.0,
        "short_term_max_lufs": -12.0,
        "momentary_max_lufs": -10.0,
        "true_peak_db": -1.0,
        "sample_peak_db": -1.5,
        "plr_db": 13.0,
    }


def test_one_steady_level_has_no_range():
    tone = np.sin(2 * np.pi * 1000 / 48_000 * np.arange(48_000 * 4))[None] * 0.1
    assert meter_of(tone, 48_000).programme().range_lu == pytest.approx(0.0, abs=1e-6)


def test_speakers_count_as_the_file_says():
    rate = 48_000
    audio = np.zeros((4, rate), np.float32)
    audio[3] = 0.1 * np.sin(2 * np.pi * 1000 / rate * np.arange(rate))
    loudness = [
        meter_of(audio, rate, channel_map=speakers).programme().integrated_lufs for speakers in ((2, 3, 4, 8), (2, 3, 4, 9))
    ]
    assert loudness[1] - loudness[0] == pytest.approx(10 * math.log10(1.41), abs=1e-3)


def test_what_is_not_a_number_is_silence():
    rate = 48_000
    audio = swelling(rate, 3.5)
    broken, mended = audio.copy(), audio.copy()
    broken[0, 1000:1010], mended[0, 1000:1010] = np.nan, 0
    broken[1, 2000], mended[1, 2000] = -np.inf, 0
    assert meter_of(broken, rate, true_peak=0).programme() == meter_of(mended, rate, true_peak=0).programme()


def test_it_agrees_with_the_meters_that_measure_less():
    audio = swelling(44_100, 4)
    levels = LevelMeter(44_100, 2)
    levels.add(audio)
    programme = meter_of(audio, 44_100, true_peak=0).programme()
    assert levels.levels().lufs == pytest.approx(programme.integrated_lufs, abs=1e-9)
    assert levels.levels().peak_db == pytest.approx(programme.sample_peak_db, abs=1e-9)


@pytest.mark.parametrize("name", SONGS)
def test_real_music_agrees_with_pyloudnorm(shared_audio, name):
    pyloudnorm = pytest.importorskip("pyloudnorm")
    audio, rate = read(shared_audio / name)
    audio = audio[:, : 30 * rate]
    meter, other = meter_of(audio, rate, true_peak=0), pyloudnorm.Meter(rate, filter_class="DeMan")
    loudness = other.integrated_loudness(audio.T.astype(np.float64))
    assert meter.programme().integrated_lufs == pytest.approx(loudness, abs=0.01)
    meter.add(np.zeros((2, rate * 3 // 2), np.float32))  # pyloudnorm ranges over so much silence more, every 90 ms
    assert meter.programme().range_lu == pytest.approx(other.loudness_range(audio.T.astype(np.float64)), abs=0.05)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here to compare with")
def test_real_music_agrees_with_ffmpeg(shared_audio):
    path = shared_audio / "mixes/city_blues.flac"
    audio, rate = read(path)
    meter = meter_of(audio, rate)
    programme, series = meter.programme(), meter.series()
    command = ["ffmpeg", "-nostats", "-nostdin", "-i", path, "-filter_complex", "ebur128=peak=true+sample", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    windows = np.array(re.findall(r"M:\s*(-?[\d.]+) S:\s*(-?[\d.]+)", said), float)
    for column, first, lufs in ((0, 3, series.momentary_lufs), (1, 29, series.short_term_lufs)):
        heard = windows[first : first + len(lufs), column]
        assert np.maximum(lufs[: len(heard)], -120.7) == pytest.approx(heard, abs=0.06)  # which is what it prints for silence
    summary = said.rsplit("Summary:", 1)[1]
    integrated, loudness_range = (float(re.search(rf"{name}:\s+(-?[\d.]+) L", summary)[1]) for name in ("I", "LRA"))
    samples, true = map(float, re.findall(r"Peak:\s+(-?[\d.]+) dBFS", summary))
    assert programme.integrated_lufs == pytest.approx(integrated, abs=0.1)
    assert programme.range_lu == pytest.approx(loudness_range, abs=0.1)
    assert programme.sample_peak_db == pytest.approx(samples, abs=0.06)
    assert programme.true_peak_db == pytest.approx(true, abs=0.3)  # ffmpeg's interpolation misses a little
