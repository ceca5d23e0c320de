import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.pages.curves import level, spectrum
from fxlab.pages.listening import MAX_BYTES, excerpt, flac, gains_db, listening

RATE = 16_000


def noise(seconds, level=0.1, channels=2, seed=0):
    return (level * np.random.default_rng(seed).standard_normal((channels, round(seconds * RATE)))).astype(np.float32)


@settings(max_examples=8)
@given(st.floats(0.05, 3), st.floats(0.05, 3), st.floats(0.3, 4))
def test_gains_bring_all_to_the_quietest(first, second, seconds):
    sounds = [noise(seconds, 0.05 * first), noise(seconds, 0.05 * second, seed=1), noise(seconds, 0.1)]
    gains = gains_db(sounds, RATE)
    measure = integrated_lufs if seconds >= 0.4 else mean_lufs
    after = [measure(sound * np.float32(10 ** (gain / 20)), RATE) for sound, gain in zip(sounds, gains, strict=True)]
    assert max(gains) == 0 and np.ptp(after) < 0.01


def test_silence_and_what_is_gated_out_do_not_count():
    quiet = noise(1, 1e-5)
    assert integrated_lufs(quiet, RATE) == -np.inf
    assert gains_db([noise(1), np.zeros((2, RATE), np.float32)], RATE) == [0, 0]
    assert gains_db([10 * quiet, quiet], RATE) == pytest.approx([-20, 0], abs=0.01)
    assert gains_db([np.zeros((1, 0), np.float32)], RATE) == [0]


def test_mono_is_measured_as_it_is_heard():
    mono = noise(1, channels=1)
    assert gains_db([mono, np.repeat(mono, 2, axis=0)], RATE) == pytest.approx([0, 0], abs=1e-6)


def test_the_excerpt_is_the_loudest_of_all_versions_in_step():
    sounds = [noise(20, 0.01), noise(25, 0.001, seed=1)]
    sounds[0][:, 8 * RATE : 11 * RATE] *= 10
    sounds[1][:, 8 * RATE : 11 * RATE] *= 10
    found = excerpt(sounds, RATE, 3.0)
    assert found.start_s == pytest.approx(8.0, abs=0.11) and found.seconds == 3.0
    start = round(found.start_s * RATE)
    for sound, audio in zip(sounds, found.audio, strict=True):
        np.testing.assert_array_equal(audio, sound[:, start : start + 3 * RATE])


def test_a_loud_version_does_not_outvote_the_others():
    sounds = [noise(10, 0.5), noise(10, 0.001, seed=1), noise(10, 0.001, seed=2)]
    for sound in sounds[1:]:
        sound[:, 5 * RATE : 7 * RATE] *= 10
    assert excerpt(sounds, RATE, 2.0).start_s == pytest.approx(5.0, abs=0.11)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_short_sounds_are_whole_and_of_two_channels_at_most(channels):
    found = excerpt([noise(0.3, channels=channels), noise(0.25, channels=channels)], RATE)
    assert found.start_s == 0 and [audio.shape for audio in found.audio] == [(min(channels, 2), RATE // 4)] * 2


def test_what_is_too_large_for_a_page_is_shortened():
    sounds = [noise(30, 0.3, seed=seed) for seed in range(6)]
    found = excerpt(sounds, RATE)
    assert 3 < found.seconds < 12 and 0.9 * MAX_BYTES < sum(len(flac(audio, RATE)) for audio in found.audio) <= MAX_BYTES


def test_flac_is_the_audio_within_its_dither_and_always_the_same():
    sound = noise(0.5)
    audio, rate = soundfile.read(io.BytesIO(flac(sound, RATE)), always_2d=True)
    assert rate == RATE and np.max(np.abs(audio.T - sound)) <= 1.51 / 32768
    assert flac(sound, RATE) == flac(sound, RATE)
    assert soundfile.info(io.BytesIO(flac(sound, 96_000))).samplerate == 48_000


def test_the_note_tells_where_it_is():
    part = listening("t", {"a": noise(1), "b": noise(1)}, RATE, note="From x.wav.")
    assert part.note == "From x.wav. The loudest passage: 1.0 s from 0:00.0."
    assert [version.name for version in part.versions] == ["a", "b"]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("frequency_hz", [50.0, 1000.0, 7000.0])
def test_the_spectrum_of_a_sine_is_its_power_in_its_band(frequency_hz, channels):
    sine = np.sin(2 * np.pi * frequency_hz / 44_100 * np.arange(3 * 44_100)).astype(np.float32)
    line = spectrum("s", np.tile(sine, (channels, 1)), 44_100)
    top = np.nanargmax(line.y)
    assert abs(np.log2(line.x[top] / frequency_hz)) <= 1 / 12
    # Below some 100 Hz the window is wider than the band.
    assert line.y[top] == pytest.approx(-3.01, abs=0.1 if frequency_hz > 200 else 6)


def test_the_spectrum_adds_up_to_the_power():
    sound = noise(20, 0.1)
    line = spectrum("s", sound, RATE)
    half = line.y[::2]  # every other band touches the next
    assert 10 * np.log10(np.sum(10 ** (half / 10))) == pytest.approx(10 * np.log10(np.mean(sound**2)), abs=0.1)
    assert np.isnan(spectrum("s", 0 * sound, RATE).y).all()


def test_level_is_short_term_loudness_or_momentary():
    sound = noise(5)
    line = level("l", sound, RATE)
    assert len(line.x) == 21 and line.x[0] == pytest.approx(3.0)
    assert line.y == pytest.approx(np.full(21, integrated_lufs(sound, RATE)), abs=0.2)
    assert len(level("l", noise(1), RATE).x) == 7 and len(level("l", noise(0.2), RATE).x) == 0
