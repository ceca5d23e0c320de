"""Features that are kept: the same again, never those of something else, never a damaged file's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError
from fxlab.timbre import cache
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.features import extract_file
from fxlab.timbre.frames import Features
from fxlab.timbre.tracker import Pitch

from .sounds import RATE_HZ, note

CONFIG = InstrumentConfig(mfcc=0)


class Counting:
    """A tracker that counts how often it is asked."""

    name = "counting 1"
    asked = 0

    def __call__(self, audio, rate_hz):
        self.asked += 1
        return Pitch(np.zeros(1), np.full(1, 220.0), np.ones(1))


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "note.wav", np.stack([note(220.0, 0.2)] * 2, axis=1), RATE_HZ)
    return tmp_path / "note.wav"


def _same(first: Features, second: Features) -> bool:
    arrays = ("f0_hz", "voiced", "loudness_db", "mfcc")
    alike = (np.array_equal(getattr(first, name), getattr(second, name)) for name in arrays)
    return first.frame_rate_hz == second.frame_rate_hz and all(alike)


def test_the_second_time_comes_from_the_folder(recording, tmp_path):
    tracker = Counting()
    first = extract_file(recording, CONFIG, tracker, tmp_path / "kept")
    recording.rename(tmp_path / "renamed.wav")
    again = extract_file(tmp_path / "renamed.wav", CONFIG, tracker, tmp_path / "kept")
    assert tracker.asked == 1 and _same(first, again)
    assert _same(first, extract_file(tmp_path / "renamed.wav", CONFIG, tracker)) and tracker.asked == 2
    assert [file.suffix for file in (tmp_path / "kept").iterdir()] == [".safetensors"]


def test_everything_that_features_depend_on_has_a_place_of_its_own(recording, tmp_path):
    other = tmp_path / "other.wav"
    soundfile.write(other, note(221.0, 0.2), RATE_HZ)
    places = [
        cache.place(tmp_path, recording, CONFIG, "a 1", 0),
        cache.place(tmp_path, other, CONFIG, "a 1", 0),
        cache.place(tmp_path, recording, replace(CONFIG, hop=256), "a 1", 0),
        cache.place(tmp_path, recording, replace(CONFIG, sample_rate_hz=44_100), "a 1", 0),
        cache.place(tmp_path, recording, CONFIG, "a 2", 0),
        cache.place(tmp_path, recording, CONFIG, "a 1", 30),
    ]
    assert len(set(places)) == len(places)
    assert cache.place(tmp_path, recording, replace(CONFIG, hidden=7, mfcc=3), "a 1", 0) == places[0]


def test_damage_is_noticed_and_heard_anew(recording, tmp_path):
    tracker, kept = Counting(), tmp_path / "kept"
    first = extract_file(recording, CONFIG, tracker, kept)
    file = next(kept.iterdir())
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 0x10
    for wrong in (b"", whole[:-4], bytes(flipped), b"not a safetensors file"):
        file.write_bytes(wrong)
        asked = tracker.asked
        assert _same(extract_file(recording, CONFIG, tracker, kept), first)
        assert tracker.asked == asked + 1 and _same(cache.load(file), first)


def test_coefficients_are_kept_too(tmp_path):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(5).astype(np.float32) for _ in range(3)]
    features = Features(*arrays, 22_050 / 512, rng.standard_normal((5, 30)).astype(np.float32))
    cache.store(tmp_path / "x.safetensors", features)
    assert _same(cache.load(tmp_path / "x.safetensors"), features)


def test_a_folder_that_cannot_be_written_costs_only_time(recording, tmp_path):
    (tmp_path / "file").write_text("in the way")
    tracker = Counting()
    for asked in (1, 2):
        assert len(extract_file(recording, CONFIG, tracker, tmp_path / "file" / "kept")) and tracker.asked == asked


def test_a_missing_recording_is_an_input_error(tmp_path):
    for folder in (tmp_path, None):
        with pytest.raises(InputError, match="none.wav"):
            extract_file(tmp_path / "none.wav", CONFIG, Counting(), folder)
