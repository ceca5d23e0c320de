"""What is said of recordings: of notes nothing, of everything else what is wrong with it."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio import files
from fxlab.audio.resampling import resample
from fxlab.timbre.clarity import periodicity
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.diagnosis import diagnose
from fxlab.timbre.features import extract
from fxlab.timbre.tracker import SwiftF0

from .sounds import RATE_HZ, note, vibrato

pytest.importorskip("swift_f0")
CONFIG = InstrumentConfig(mfcc=0)
RNG = np.random.default_rng(4)
SECONDS = np.arange(2 * RATE_HZ) / RATE_HZ


def _kinds(audio, rate_hz=RATE_HZ):
    audio = np.asarray(audio, np.float32)
    found = diagnose(audio, rate_hz, extract(audio, rate_hz, CONFIG, SwiftF0()))
    assert all(finding.text.endswith(".") and finding.hint.endswith(".") for finding in found)
    return [finding.kind + ("!" if finding.fatal else "") for finding in found]


def _chord(*notes):
    return sum(note(f0_hz, 2.0, seed=int(f0_hz)) for f0_hz in notes) / len(notes)


def _strokes(sound, times):
    audio = np.zeros(len(SECONDS) + len(sound))
    for time in times:
        audio[round(time * RATE_HZ) :][: len(sound)] += sound
    return audio[: len(SECONDS)]


def _phrase():
    """Plucked notes, one after another, with pauses."""
    notes = [note(f0_hz, 0.4) * np.exp(-5 * np.arange(round(0.4 * RATE_HZ)) / RATE_HZ) for f0_hz in (110, 147, 196, 247)]
    return np.concatenate([part for each in notes for part in (each, np.zeros(6000))])


FALLING = np.exp(-np.arange(5000) / 900)
KICK = np.sin(2 * np.pi * np.cumsum(50 + 150 * np.exp(-np.arange(5000) / 700)) / RATE_HZ) * FALLING
SKIN = np.sin(2 * np.pi * (50 * SECONDS + 8 * (1 - np.exp(-25 * SECONDS))))[:11_000] * np.exp(-8 * SECONDS[:11_000])
SNARE = 0.5 * RNG.standard_normal(5000) * FALLING
SOUNDS = {
    "vibrato": (note(vibrato(440.0, 2.0), 2.0), []),
    "phrase": (_phrase(), []),
    "quiet": (0.01 * note(220.0, 2.0), []),
    "late": (np.concatenate([7e-4 * RNG.standard_normal(8 * RATE_HZ), note(220.0, 1.0)]), []),
    "triad": (_chord(220, 277.2, 329.6), ["polyphonic!"]),
    "fifth": (_chord(146.8, 220), ["polyphonic!"]),
    "seventh": (_chord(110, 130.8, 164.8, 196), ["polyphonic!"]),
    "white noise": (0.1 * RNG.standard_normal(2 * RATE_HZ), ["unvoiced!"]),
    "clicks": (np.where(np.arange(2 * RATE_HZ) % 5000 == 0, 0.9, 0), ["unvoiced!"]),
    "drums": (_strokes(KICK, [0, 0.5, 1, 1.5]) + _strokes(SNARE, [0.25, 0.75, 1.25, 1.75]), ["unvoiced!"]),
    "kicks": (_strokes(SKIN, [0, 0.5, 1, 1.5]), ["unvoiced!"]),
    "silence": (np.zeros(RATE_HZ), ["silent!"]),
    "dither": (2**-16 * RNG.uniform(-1, 1, RATE_HZ), ["silent!"]),
    "0.2 s": (note(220.0, 0.2), ["too-short!"]),
    "1 sample": (np.ones(1), ["too-short!"]),
    "not scaled": (32768 * note(220.0, 1.0), ["too-loud!"]),
    "clipped": (np.clip(3 * note(220.0, 2.0), -0.5, 0.5), ["clipped"]),
    "noisy": (note(220.0, 2.0) + 0.04 * RNG.standard_normal(2 * RATE_HZ), ["noisy"]),
    "noisy pauses": (_phrase() + 3e-3 * RNG.standard_normal(len(_phrase())), ["noisy"]),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_made_sounds(name):
    audio, said = SOUNDS[name]
    assert _kinds(audio) == said


def test_any_rate():
    assert _kinds(resample(_chord(220, 277.2, 329.6), RATE_HZ, 48_000), 48_000) == ["polyphonic!"]
    assert _kinds(resample(note(220.0, 1.0), RATE_HZ, 8_000), 8_000) == []


def test_recordings_of_instruments_are_fine_but_for_the_double_stops(shared_audio):
    said = {}
    for file in sorted((shared_audio / "instruments").glob("*.flac")):
        audio, rate_hz = files.read(file)
        said[file.stem] = _kinds(audio.mean(axis=0)[: 4 * rate_hz], rate_hz)
    assert len(said) == 11 and said.pop("cello_double_2") == ["polyphonic!"]
    assert set(map(tuple, said.values())) == {()}


@pytest.mark.parametrize("name", ["di/power_guitar.flac", "di/jazz_trot_guitar.flac", "music/farm.ogg"])
def test_chords_and_songs_are_polyphonic(shared_audio, name):
    audio, rate_hz = files.read(shared_audio / name)
    assert _kinds(audio.mean(axis=0)[: 3 * rate_hz], rate_hz) == ["polyphonic!"]


@pytest.mark.parametrize("period", [9.3, 50.25, 301.7])
def test_periodicity_is_one_for_what_repeats_and_low_for_noise(period):
    wave = np.cos(2 * np.pi * np.arange(9000) / period)
    at = np.arange(2000, 7000, 500)
    assert periodicity(wave, at, np.full(10, period)).min() > 0.999
    assert periodicity(wave, at, np.full(10, 1.5 * period)).max() < 0
    assert np.abs(periodicity(RNG.standard_normal(9000), at, np.full(10, period))).mean() < 0.2
