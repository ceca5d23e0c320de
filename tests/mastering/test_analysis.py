"""What a song measures, against what is known of it; features, windows and degradations."""

import math

import numpy as np
import pytest

from fxlab.audio import bands
from fxlab.audio.resampling import resample
from fxlab.mastering.analysis import Analyser
from fxlab.mastering.degradation import Degradation, degrade, drawn
from fxlab.mastering.features import COUNT, TONE, WIDTH, features_of
from fxlab.mastering.windows import COUNT as WINDOWS
from fxlab.mastering.windows import FRAMES, WindowTaker

from .songs import RATE, equalised, song


def analysed(audio, rate=RATE, block=0):
    analyser = Analyser(rate, len(audio))
    for start in range(0, audio.shape[1], block or audio.shape[1]):
        analyser.add(audio[:, start : start + (block or audio.shape[1])])
    return analyser.analysis()


@pytest.mark.parametrize("rate", [8_000, 32_000, 44_100, 96_000])
def test_a_sine_has_its_power_in_its_band(rate):
    t = np.arange(2 * rate) / rate
    found = bands.powers(np.sin(2 * np.pi * 1000 * t).astype(np.float32)[None, : bands.fft_size(rate)], rate)[0]
    assert found[14] == pytest.approx(0.5, rel=0.01) and found.sum() == pytest.approx(0.5, rel=0.01)
    assert bands.fft_size(rate) / rate > 0.12


def test_the_bands_share_the_spectrum_without_gap_or_overlap():
    shares = bands.matrix(44_100).sum(axis=0)
    inside = (np.arange(len(shares)) * 44_100 / 8192 > 45) & (np.arange(len(shares)) * 44_100 / 8192 < 17_000)
    assert np.allclose(shares[inside], 1.0, atol=1e-6)


def test_any_split_gives_the_same_analysis():
    audio = song(1)
    whole, parts = analysed(audio), analysed(audio, block=4_999)
    for name in ("mid_db", "side_db", "loud_db", "usual_db", "quiet_db"):
        assert np.allclose(getattr(whole, name), getattr(parts, name), atol=1e-4)
    assert whole.peak_density == parts.peak_density and whole.correlation == pytest.approx(parts.correlation, abs=1e-6)


def test_width_and_correlation_are_what_was_made():
    middle, side = song(2)[0], song(3)[1]
    wide = analysed(np.stack((middle + 0.5 * side, middle - 0.5 * side)))
    narrow = analysed(np.stack((middle + 0.25 * side, middle - 0.25 * side)))
    assert wide.width_db - narrow.width_db == pytest.approx(20 * math.log10(2), abs=0.01)
    assert analysed(np.stack((middle, middle))).correlation == pytest.approx(1.0)
    assert analysed(np.stack((middle, -middle))).correlation == pytest.approx(-1.0)
    assert analysed(middle[None]).width_db == bands.FLOOR_DB


def test_clipped_music_has_dense_peaks():
    audio = song(4)
    assert analysed(np.clip(8 * audio, -1, 1)).peak_density > 10 * analysed(audio).peak_density


@pytest.mark.parametrize("frames", [1, 100, 8191, 8193])
def test_short_audio_can_be_analysed(frames):
    found = analysed(song(5)[:, :frames])
    assert np.isfinite(found.mid_db).all() and found.to_json()["seconds"] == frames / RATE


def test_silence_is_known():
    found = analysed(np.zeros((2, 10_000), np.float32))
    assert found.silent and not analysed(song(6)).silent


def test_features_move_with_the_balance_and_not_with_the_level():
    audio = song(7)
    plain, softer, bright = (features_of(analysed(one)) for one in (audio, 0.25 * audio, equalised(audio, 6000, 6)))
    assert plain.shape == (COUNT,) and np.isfinite(plain).all()
    assert np.allclose(plain[TONE], softer[TONE], atol=1e-3) and np.allclose(plain[WIDTH], softer[WIDTH], atol=1e-3)
    assert (bright - plain)[TONE][22] > 0.3 and abs((bright - plain)[WIDTH]).max() < 0.02


@pytest.mark.parametrize("rate", [32_000, 44_100, 96_000])
def test_windows_are_parts_of_the_song_at_the_networks_rate(rate):
    audio = song(8, seconds=6.0, rate=rate)
    taker = WindowTaker(rate, audio.shape[1])
    for start in range(0, audio.shape[1], 10_007):
        taker.add(audio[:, start : start + 10_007])
    windows, whole = taker.windows(), resample(audio, rate, 44_100)
    assert windows.shape == (WINDOWS, 2, FRAMES) and windows.dtype == np.float32
    for window in windows:  # found again, to a sample: starts lie between samples of the other rate
        correlation = np.correlate(whole[0], window[0, 4000:4600], "valid")
        energy = np.convolve(whole[0] ** 2, np.ones(600), "valid")
        assert (correlation / np.sqrt(energy * np.sum(window[0, 4000:4600] ** 2) + 1e-12)).max() > 0.98


def test_windows_of_short_and_mono_songs_are_filled_with_silence():
    taker = WindowTaker(44_100, 1000)
    taker.add(song(9)[:1, :1000])
    windows = taker.windows()
    assert windows.shape == (WINDOWS, 2, FRAMES) and np.isfinite(windows).all()
    assert np.array_equal(windows[0, 0], windows[0, 1]) and not windows[0, 0, 1000:].any()


def test_a_degradation_does_what_it_says():
    rng = np.random.default_rng(0)
    audio = song(10)
    for _ in range(5):
        how = drawn(rng, untouched=0.0)
        only_eq = Degradation(how.freq_hz, how.gain_db, how.q)
        before, after = analysed(audio), analysed(degrade(audio, RATE, only_eq))
        inside = slice(3, 25)  # where the bands have bins enough
        assert np.abs((after.mid_db - before.mid_db - how.response_db(RATE))[inside]).max() < 0.7
        wider = degrade(audio, RATE, Degradation(width=how.width))
        assert analysed(wider).width_db - before.width_db == pytest.approx(20 * math.log10(how.width), abs=0.05)
        whole = degrade(audio, RATE, how)
        assert 20 * math.log10(np.abs(whole).max()) == pytest.approx(how.peak_db, abs=0.01)


def test_expansion_makes_loud_moments_louder_and_no_more_than_it_may():
    audio = song(11)
    louder = degrade(audio, RATE, Degradation(slope=0.5))
    ratio = np.abs(louder).max() / np.abs(audio).max()
    assert 1.2 < ratio <= 10 ** (6 / 20) + 1e-6
    quiet = np.abs(audio).max(axis=0) < 0.01
    assert np.abs(louder[:, quiet]).max() <= 2 * np.abs(audio[:, quiet]).max()


def test_draws_are_within_their_ranges_and_the_same_for_the_same_seed():
    draws = [drawn(np.random.default_rng(seed)) for seed in range(200)]
    assert draws == [drawn(np.random.default_rng(seed)) for seed in range(200)]
    assert 0.08 < np.mean([how.untouched for how in draws]) < 0.25
    for how in draws:
        assert all(abs(gain) <= 6 for gain in how.gain_db) and 0.3 <= how.width <= 1.5 and 0 <= how.slope <= 0.5
    audio = song(12)
    assert degrade(audio, RATE, Degradation()) is audio
