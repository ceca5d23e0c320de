"""Recorded pairs that have to be aligned first: what ends up in the dataset, in the report and in the folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError
from fxlab.formats.plain_json import text_of
from fxlab.services.dataset.recorded import Request, run
from fxlab.services.dataset.recorded_split import GUARD_S, split_along_time
from fxlab.settings import DatasetSettings
from fxlab.training.manifest import Manifest

RATE = 16_000


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Six seconds of plucked sound and its bent, inverted copy, 500 samples late, with one dropout."""
    folder = tmp_path_factory.mktemp("recorded")
    rng = np.random.default_rng(0)
    dry = np.zeros(6 * RATE)
    for start in rng.integers(0, len(dry) - 4_000, 40):
        time = np.arange(min(len(dry) - start, RATE)) / RATE
        pitch = rng.uniform(80, 400)
        tone = sum(np.sin(2 * np.pi * k * pitch * time + k * k) / k for k in range(1, 18))
        dry[start : start + len(time)] += 0.1 * tone * np.exp(-4 * time)
    dry = (dry / np.abs(dry).max()).astype(np.float32)
    wet = np.concatenate((np.zeros(500), -np.tanh(3 * dry)))
    energy = [float(np.sum(dry[place : place + 256] ** 2)) for place in range(0, 50_000, 100)]
    silent = 100 * int(np.argmax(energy))
    wet[500 + silent : 756 + silent] = 0
    soundfile.write(folder / "dry.wav", dry, RATE, subtype="FLOAT")
    soundfile.write(folder / "wet.wav", np.stack([wet, wet], 1), RATE, subtype="FLOAT")
    return folder, dry, silent


def make(folder, output, **changed):
    settings = DatasetSettings(**({"validation": 0.2, "test": 0.2} | changed))
    return run(Request([{"dry": folder / "dry.wav", "wet": folder / "wet.wav"}], output, settings))


def test_pairs_are_aligned_cut_and_reported(recordings, tmp_path, contents):
    folder, dry, silent = recordings
    made = make(folder, tmp_path / "ds")
    manifest = Manifest.load(tmp_path / "ds")
    manifest.verify()
    played = -np.tanh(3 * dry)
    (report,) = manifest.header["alignments"]
    guard = round(report["delay_samples"] - report["removed_samples"])
    assert guard >= 1
    for row in manifest.rows:
        first, last = row["start_frame"], row["start_frame"] + row["frames"]
        heard, target = manifest.read(row)
        np.testing.assert_array_equal(heard, dry[first:last])
        np.testing.assert_array_equal(target[guard:], played[first : last - guard])
        assert not (first < silent + 256 and last > silent), "the dropout is left out"
    ends = {name: [(r["start_frame"], r["start_frame"] + r["frames"]) for r in manifest.split(name)] for name in made.splits}
    assert ends["validation"][0][0] - ends["train"][-1][1] >= GUARD_S * RATE - 1
    assert ends["test"][0][0] - ends["validation"][-1][1] >= GUARD_S * RATE - 1
    (report,) = made.reports
    assert (report.polarity, report.drift_ppm, report.removed_samples) == ("inverted", 0, pytest.approx(499, abs=0.1))
    assert [drop["kind"] for drop in report.dropouts] == ["silent"]
    document = json.loads(text_of(made.to_json()))
    assert document["reports"][0]["delay_samples"] == pytest.approx(500, abs=0.1)
    assert manifest.header["alignments"] == document["reports"]
    assert (tmp_path / "ds" / "pair.png").read_bytes().startswith(b"\x89PNG")
    before = contents(tmp_path / "ds" / "pairs")
    again = make(folder, tmp_path / "ds")
    assert again.rendered == 0 and contents(tmp_path / "ds" / "pairs") == before


def test_strangers_leave_nothing_behind(recordings, tmp_path):
    folder = recordings[0]
    noise = np.random.default_rng(3).normal(0, 0.1, 6 * RATE)
    soundfile.write(tmp_path / "other.wav", noise, RATE)
    pair = {"dry": folder / "dry.wav", "wet": tmp_path / "other.wav"}
    with pytest.raises(InputError, match="other.wav isn't what a device made of the dry recording"):
        run(Request([pair], tmp_path / "ds"))
    assert not (tmp_path / "ds").exists()


def test_splits_go_along_time_with_a_guard_between():
    settings = DatasetSettings(validation=0.25, test=0.25, chunk_s=1.0, lead_s=0.1)
    pieces = split_along_time(8 * RATE, [(100, 3 * RATE), (3 * RATE + 500, 8 * RATE)], RATE, settings)
    splits = [piece.split for piece in pieces]
    assert splits == sorted(splits, key=["train", "validation", "test"].index)
    guard = int(GUARD_S * RATE)
    for piece in pieces:
        low, high = {"train": (0, 4), "validation": (4, 6), "test": (6, 8)}[piece.split]
        assert low * RATE + (guard if low else 0) <= piece.position and piece.position + piece.frames <= high * RATE
        assert piece.start_frame == piece.position > 0 and piece.lead == 1_600 and piece.frames <= RATE
