"""Recorded pairs: cut along time, knobs recorded, shared dry sides written once, started again without harm."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, UsageError
from fxlab.services.dataset.recorded import Request, run
from fxlab.settings import DatasetSettings
from fxlab.training.manifest import Manifest

RATE = 16_000
KNOBS = [{"name": "gain", "low": 0, "high": 10, "default": 5}]


@pytest.fixture
def recordings(tmp_path, sound):
    """A dry file of 20 clips of 0.1 s and what two settings of a gain make of it."""
    dry = np.concatenate([sound(number, 0.1) for number in range(20)])
    files = {"dry": tmp_path / "dry.wav", 2: tmp_path / "two.wav", 7: tmp_path / "seven.wav"}
    for key, path in files.items():
        soundfile.write(path, dry if key == "dry" else np.tanh(key * dry), RATE, subtype="FLOAT")
    return files, dry


def clips(files, output, force=False, rate=None, **changed):
    settings = {"align": False, "clip_s": 0.1, "lead_s": 0.02, "validation": 0.1, "test": 0.2, "knobs": KNOBS} | changed
    pairs = [{"dry": files["dry"], "wet": files[gain], "knobs": {"gain": gain}} for gain in (2, 7)]
    return run(Request(pairs, output, DatasetSettings(**settings), rate, force))


def test_clips_are_pairs_split_along_time(recordings, tmp_path):
    files, dry = recordings
    made = clips(files, tmp_path / "ds")
    assert {name: share.pairs for name, share in made.splits.items()} == {"train": 28, "validation": 4, "test": 8}
    manifest = Manifest.load(tmp_path / "ds")
    manifest.verify()
    assert manifest.header["controls"][0]["name"] == "gain" and made.sample_rate_hz == RATE
    place = {"train": range(14), "validation": range(14, 16), "test": range(16, 20)}
    for name, numbers in place.items():
        for gain in (2, 7):
            rows = [row for row in manifest.split(name) if row["parameters"] == {"gain": gain}]
            assert [row["trimmed"] // 1600 for row in rows] == list(numbers)
            for row in rows:
                assert (row["start_frame"], row["lead"], row["effect"], row["latency"]) == (0, 320, [], 0)
                heard, played = manifest.read(row)
                np.testing.assert_array_equal(heard, dry[row["trimmed"] :][:1600])
                np.testing.assert_array_equal(played, np.tanh(gain * heard))


def test_a_dry_clip_is_stored_once(recordings, tmp_path):
    clips(recordings[0], tmp_path / "ds")
    names = [path.name for path in (tmp_path / "ds" / "pairs").iterdir()]
    assert sum("input" in name for name in names) == 20 and sum("target" in name for name in names) == 40


def test_again_keeps_what_is_there_and_mends_what_is_not(recordings, tmp_path, contents):
    files, _ = recordings
    clips(files, tmp_path / "ds")
    before = contents(tmp_path / "ds")
    assert clips(files, tmp_path / "ds").rendered == 0
    some = sorted((tmp_path / "ds" / "pairs").glob("*.target.wav"))
    some[0].unlink()
    some[1].write_bytes(b"RIFF")
    assert clips(files, tmp_path / "ds").rendered == 2
    assert contents(tmp_path / "ds") == before


def test_another_dataset_needs_force(recordings, tmp_path):
    files, _ = recordings
    clips(files, tmp_path / "ds")
    with pytest.raises(UsageError, match="lead_s was 0.02, now 0.04"):
        clips(files, tmp_path / "ds", lead_s=0.04)
    assert clips(files, tmp_path / "ds", lead_s=0.04, force=True).rendered == 40


def test_mistakes_are_named(recordings, tmp_path, sound):
    files, _ = recordings
    with pytest.raises(UsageError, match="doesn't say how tone stands"):
        clips(files, tmp_path / "ds", knobs=[*KNOBS, {"name": "tone", "low": 0, "high": 1, "default": 0}])
    with pytest.raises(UsageError, match="gain = 7 is out of range"):
        clips(files, tmp_path / "ds", knobs=[{"name": "gain", "low": 0, "high": 5, "default": 5}])
    with pytest.raises(UsageError, match="unknown knob 'gain'"):
        clips(files, tmp_path / "ds", knobs=[])
    with pytest.raises(InputError, match="nothing is left to train on"):
        clips(files, tmp_path / "ds", clip_s=10.0)
    with pytest.raises(InputError, match="the same recording"):
        clips(files | {7: files["dry"]}, tmp_path / "ds")
    soundfile.write(tmp_path / "stereo.wav", np.stack([sound(1), sound(2)], 1), RATE)
    with pytest.raises(InputError, match="2 different channels"):
        clips({"dry": files["dry"], 2: tmp_path / "stereo.wav", 7: tmp_path / "stereo.wav"}, tmp_path / "ds")
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    with pytest.raises(InputError, match="silent"):
        clips(files | {"dry": tmp_path / "silence.wav"}, tmp_path / "ds")
    assert not (tmp_path / "ds").exists()


def test_a_pair_that_cannot_be_used_is_left_out_and_the_others_are_done(recordings, tmp_path, sound):
    files, _ = recordings
    soundfile.write(tmp_path / "stereo.wav", np.stack([sound(1), sound(2)], 1), RATE)
    made = clips(files | {7: tmp_path / "stereo.wav"}, tmp_path / "ds")
    assert made.exit_code == 3 and "2 different channels" in made.failed[0][1]
    assert {row["parameters"]["gain"] for row in Manifest.load(tmp_path / "ds").rows} == {2}


def test_the_klon_profile_splits_its_340_clips_as_published(shared_audio):
    from fxlab.profiles import load
    from fxlab.services.dataset.recorded_split import split_along_time

    settings = load("klon").dataset
    frames = soundfile.info(shared_audio / "klon" / "input.flac").frames
    pieces = split_along_time(frames, [(0, frames)], 44_100, settings)
    first = {
        name: [piece.position // 22_050 for piece in pieces if piece.split == name] for name in ("train", "validation", "test")
    }
    assert first == {"train": list(range(272)), "validation": list(range(272, 306)), "test": list(range(306, 340))}
    assert all((piece.frames, piece.start_frame) == (22_050, 0) for piece in pieces)
    assert {piece.lead for piece in pieces if piece.split != "train"} == {11_025}, "second halves are judged"
