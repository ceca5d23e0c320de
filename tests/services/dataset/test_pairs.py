from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.effects.processor import apply
from fxlab.effects.registry import effect
from fxlab.settings import EffectSettings
from fxlab.training.manifest import Manifest

RATE = 16_000


def test_pairs_are_the_source_and_the_effect_s_exact_output(dry, tmp_path, make):
    result = make(dry, tmp_path / "ds", levels_db=[0.0, -12.0], trim_db=-200.0)
    manifest = Manifest.load(tmp_path / "ds")
    manifest.verify()
    assert result.exit_code == 0 and result.rendered == len(manifest.rows) == 12
    for row in manifest.rows:
        source, _ = soundfile.read(dry / row["source"], dtype="float32")
        source = source[row["trimmed"] :][: row["frames"]]
        given, target = manifest.read(row)
        np.testing.assert_array_equal(given, source * np.float32(10 ** (row["level_db"] / 20)))
        stage = row["effect"][0]
        processor = effect(stage["name"]).processor(stage["engine"], **stage["parameters"])
        np.testing.assert_allclose(target, apply(processor, given, RATE), atol=1e-6)
        assert row["latency"] == processor.latency and row["start_frame"] == 0
        assert np.abs(target - given).max() > 0.01  # it did something


def test_latency_stays_in_the_target_and_is_recorded(dry, tmp_path, make):
    make(dry, tmp_path / "ds", chain=[EffectSettings("saturator", set={"oversample": 4})])
    manifest = Manifest.load(tmp_path / "ds")
    row = manifest.rows[0]
    assert row["latency"] > 0
    given, target = manifest.read(row)
    lag = np.argmax(np.correlate(target, given, "full")) - len(given) + 1
    assert abs(lag - row["latency"]) <= 3  # the effect's own low-pass adds a little


def test_chunks_put_together_are_one_continuous_rendering(dry, tmp_path, make):
    make(dry, tmp_path / "whole", trim_db=-200.0)
    make(dry, tmp_path / "cut", trim_db=-200.0, chunk_s=0.2)
    whole, cut = Manifest.load(tmp_path / "whole"), Manifest.load(tmp_path / "cut")
    for row in whole.rows:
        pieces = [other for other in cut.rows if other["source"] == row["source"]]
        assert [piece["start_frame"] for piece in pieces] == [0, 3200, 6400]
        assert {piece["split"] for piece in pieces} == {row["split"]}
        for side in (0, 1):
            together = np.concatenate([cut.read(piece)[side] for piece in pieces])
            np.testing.assert_array_equal(together, whole.read(row)[side][: len(together)])


def test_silence_around_a_take_is_cut_off(tmp_path, make):
    quiet = np.full(4000, 1e-5, np.float32)
    loud = np.repeat(np.float32([0.5, -0.5]), 2000)
    soundfile.write(tmp_path / "take.wav", np.concatenate([quiet, loud, quiet]), RATE, "FLOAT")
    make(tmp_path / "take.wav", tmp_path / "ds", trim_db=-80.0)
    (row,) = Manifest.load(tmp_path / "ds").rows
    assert (row["trimmed"], row["frames"], row["start_frame"]) == (4000, 4000, 0)


def test_other_rates_are_resampled_without_shift(tmp_path, make):
    seconds = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.cos(2 * np.pi * 440 * seconds), 44_100, "FLOAT")
    make(tmp_path / "tone.wav", tmp_path / "ds")
    manifest = Manifest.load(tmp_path / "ds")
    given, _ = manifest.read(manifest.rows[0])
    ideal = 0.5 * np.cos(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert given.shape == (RATE,)
    np.testing.assert_allclose(given[500:-500], ideal[500:-500], atol=1e-4)


def test_each_distinct_channel_is_a_take_of_one_source(dry, tmp_path, make, sound):
    folder = tmp_path / "stereo"
    folder.mkdir()
    soundfile.write(folder / "wide.wav", np.stack([sound(10), sound(11)], 1), RATE, "FLOAT")
    soundfile.write(folder / "dual.wav", np.stack([sound(12), sound(12)], 1), RATE, "FLOAT")
    soundfile.write(folder / "half.wav", np.stack([sound(13), np.zeros_like(sound(13))], 1), RATE, "FLOAT")
    make(folder, tmp_path / "ds", trim_db=-200.0)
    rows = Manifest.load(tmp_path / "ds").rows
    assert sorted((row["source"], row["channel"]) for row in rows) == [
        ("dual.wav", 0),
        ("half.wav", 0),
        ("wide.wav", 0),
        ("wide.wav", 1),
    ]
    assert len({row["split"] for row in rows if row["source"] == "wide.wav"}) == 1


def test_a_copy_is_left_out_even_in_another_format(dry, tmp_path, make, sound):
    exact = np.round(sound(20) * 2**15) / 2**15
    soundfile.write(dry / "a.wav", exact, RATE, "PCM_16")
    soundfile.write(dry / "b.flac", exact, RATE, "PCM_16")
    shutil.copy(dry / "take0.wav", dry / "take0 again.wav")
    result = make(dry, tmp_path / "ds")
    assert result.exit_code == 0
    assert dict(result.copies) == {
        "b.flac": "It sounds the same as a.wav.",
        "take0.wav": "It sounds the same as take0 again.wav.",
    }
    assert sum(share.sources for share in result.splits.values()) == 7


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 1000))
def test_files_that_share_a_channel_stay_on_one_side(tmp_path_factory, seed, make, sound):
    folder = tmp_path_factory.mktemp("shared")
    dry = folder / "dry"
    dry.mkdir()
    for number in range(4):
        soundfile.write(dry / f"take{number}.wav", sound(number, 0.1), RATE, "FLOAT")
    soundfile.write(dry / "pair.wav", np.stack([sound(0, 0.1), sound(9, 0.1)], 1), RATE, "FLOAT")
    make(dry, folder / "ds", seed=seed)
    rows = Manifest.load(folder / "ds").rows
    assert len({row["split"] for row in rows if row["source"] in ("pair.wav", "take0.wav")}) == 1
    assert {row["split"] for row in rows} == {"train", "validation", "test"}


def test_two_sides_of_a_stereo_file_that_is_dropped_as_their_copy_stay_together(tmp_path, make, sound):
    folder = tmp_path / "dry"
    folder.mkdir()
    for number in range(8):
        left, right = sound(2 * number, 0.1), sound(2 * number + 1, 0.1)
        soundfile.write(folder / f"t{number}_L.wav", left, RATE, "FLOAT")
        soundfile.write(folder / f"t{number}_R.wav", right, RATE, "FLOAT")
        soundfile.write(folder / f"t{number}_stereo.wav", np.stack([left, right], 1), RATE, "FLOAT")
    result = make(folder, tmp_path / "ds")
    assert dict(result.copies) == {f"t{n}_stereo.wav": f"It sounds the same as t{n}_L.wav." for n in range(8)}
    splits = {row["source"]: row["split"] for row in Manifest.load(tmp_path / "ds").rows}
    assert len(splits) == 16 and set(splits.values()) == {"train", "validation", "test"}
    for number in range(8):
        assert splits[f"t{number}_L.wav"] == splits[f"t{number}_R.wav"]


@pytest.mark.parametrize("name", ["take \udcff.wav", "take\u2028.wav", "take\x85.wav"])  # the first is not UTF-8 on disk
def test_any_file_name_will_do(dry, tmp_path, make, name):
    try:
        (dry / "take0.wav").rename(dry / name)
    except OSError:
        pytest.skip("this file system has no such names")
    assert make(dry, tmp_path / "ds").exit_code == 0
    manifest = Manifest.load(tmp_path / "ds")
    manifest.verify()
    assert [row["source"] for row in manifest.rows].count(name) == 1
    (tmp_path / "ds" / "manifest.jsonl").rename(tmp_path / "ds" / "pairs.partial.jsonl")  # as if it had not been finished
    assert make(dry, tmp_path / "ds").kept == 6


def test_no_source_is_on_two_sides_and_names_do_not_matter(dry, tmp_path, make):
    result = make(dry, tmp_path / "ds", levels_db=[0.0, -6.0], chunk_s=0.1, grid={"drive_db": [0, 24]})
    rows = Manifest.load(tmp_path / "ds").rows
    by_content = {row["source_sha256"]: row["split"] for row in rows}
    assert len({(row["source_sha256"], row["split"]) for row in rows}) == len(by_content) == 6
    assert {name: share.sources for name, share in result.splits.items()} == {"train": 4, "validation": 1, "test": 1}
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for number in range(6):
        shutil.copy(dry / f"take{number}.wav", renamed / f"{(5 * number) % 7}.wav")
    make(renamed, tmp_path / "ds2")
    assert {row["source_sha256"]: row["split"] for row in Manifest.load(tmp_path / "ds2").rows} == by_content


def test_test_signals_alone_fill_every_split_with_different_sound(tmp_path, make):
    result = make([], tmp_path / "ds", synthesize="20s")
    manifest = Manifest.load(tmp_path / "ds")
    assert [share.seconds for share in result.splits.values()] == pytest.approx([14, 2, 4], abs=0.01)
    audio = [manifest.read(row)[0] for row in manifest.rows]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        short = min(len(audio[one]), len(audio[other]))
        assert np.abs(np.corrcoef(audio[one][:short], audio[other][:short])[0, 1]) < 0.1


def test_test_signals_only_train_where_real_takes_fill_the_splits(dry, tmp_path, make):
    make(dry, tmp_path / "ds", synthesize="5s")
    made = [row for row in Manifest.load(tmp_path / "ds").rows if row["source"].startswith("synthesized")]
    assert {row["split"] for row in made} == {"train"}
    make(dry / "take0.wav", tmp_path / "one", synthesize="5s")
    rows = Manifest.load(tmp_path / "one").rows
    assert {row["split"] for row in rows if row["source"].startswith("synthesized")} == {"train", "validation", "test"}


def test_a_bad_file_does_not_stop_the_others(dry, tmp_path, make):
    (dry / "empty.wav").write_bytes(b"")
    (dry / "text.wav").write_text("not audio at all")
    (dry / "cut.wav").write_bytes((dry / "take0.wav").read_bytes()[:9000])
    soundfile.write(dry / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(dry / "constant.wav", np.full(RATE, 0.25), RATE)
    soundfile.write(dry / "click.wav", [1.0], RATE)
    soundfile.write(dry / "nan.wav", np.float32([0.1, np.nan] * RATE), RATE, "FLOAT")
    result = make([dry, tmp_path / "nowhere.wav"], tmp_path / "ds")
    reasons = {Path(name).name: reason for name, reason in result.failed}
    bad = ("empty", "text", "cut", "silent", "constant", "click", "nan", "nowhere")
    assert set(reasons) == {f"{name}.wav" for name in bad}
    assert "silent" in reasons["silent.wav"] and "constant" in reasons["constant.wav"]
    assert "50 ms" in reasons["click.wav"] and "NaN" in reasons["nan.wav"]
    assert {row["source"] for row in Manifest.load(tmp_path / "ds").rows} == {f"take{n}.wav" for n in range(6)}
    assert result.exit_code == result.to_json()["exit_code"] == 3
