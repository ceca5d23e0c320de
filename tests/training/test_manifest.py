from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError
from fxlab.hashing import file_sha256
from fxlab.training.manifest import NAME, Manifest, intact


@pytest.fixture
def dataset(tmp_path: Path) -> Manifest:
    (tmp_path / "pairs").mkdir()
    rows = []
    for number, split in enumerate(("train", "train", "test")):
        row = {
            "id": f"{number}",
            "split": split,
            "source": f"take {number} – é.wav",
            "source_sha256": "0" * 64,
            "start_frame": 0,
            "frames": 100,
            "level_db": 0.0,
            "effect": [{"name": "saturator", "parameters": {}}],
            "parameters": {},
            "latency": 0,
        }
        for side in ("input", "target"):
            row[side] = f"pairs/{number}.{side}.wav"
            soundfile.write(tmp_path / row[side], np.full(100, number / 4), 48_000, "FLOAT")
            row[f"{side}_sha256"] = file_sha256(tmp_path / row[side])
        rows.append(row)
    header = {"fxlab_dataset": 1, "settings": {}, "sample_rate_hz": 48_000, "versions": {}}
    manifest = Manifest(tmp_path, header, rows)
    manifest.write()
    return manifest


def test_it_reads_what_it_wrote(dataset):
    again = Manifest.load(dataset.directory)
    assert again == dataset and again.sample_rate_hz == 48_000
    assert [row["id"] for row in again.split("train")] == ["0", "1"] and again.split("validation") == []
    given, target = again.read(again.rows[2])
    np.testing.assert_array_equal(given, np.full(100, 0.5, np.float32))
    assert given.dtype == target.dtype == np.float32


@pytest.mark.parametrize("name", ["take \udcff.wav", "take\u2028.wav", "take\x85.wav"])  # the first is not UTF-8 on disk
def test_any_name_of_a_source_survives(dataset, name):
    dataset.rows[0]["source"] = name
    dataset.header["sources"] = [{"source": name}]
    dataset.write()
    again = Manifest.load(dataset.directory)
    assert again == dataset
    again.verify()


def test_verify_names_what_is_missing_and_what_is_changed(dataset):
    seen = []
    dataset.verify(lambda task, done, total, **_: seen.append((done, total)))
    assert seen[-1] == (3, 3)
    path = dataset.directory / "pairs" / "1.target.wav"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (dataset.directory / "pairs" / "0.input.wav").unlink()
    with pytest.raises(InputError) as raised:
        dataset.verify()
    assert "pairs/0.input.wav is missing; pairs/1.target.wav is changed" in raised.value.message
    assert raised.value.exit_code == 3


def test_a_pair_of_another_length_is_refused(dataset):
    soundfile.write(dataset.directory / "pairs" / "0.input.wav", np.zeros(99), 48_000, "FLOAT")
    with pytest.raises(InputError):
        dataset.read(dataset.rows[0])
    (dataset.directory / "pairs" / "1.input.wav").write_text("nonsense")
    with pytest.raises(InputError):
        dataset.read(dataset.rows[1])


def damage(dataset: Manifest, line: int, **values) -> Path:
    path = dataset.directory / NAME
    lines = path.read_text("utf-8").splitlines()
    row = json.loads(lines[line - 1]) | values
    lines[line - 1] = json.dumps({key: value for key, value in row.items() if value is not None})
    path.write_text("\n".join(lines), "utf-8")
    return path


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (1, {"fxlab_dataset": None}),
        (1, {"fxlab_dataset": 2}),
        (1, {"sample_rate_hz": "48000"}),
        (2, {"target_sha256": None}),
        (3, {"split": "training"}),
        (3, {"frames": 0}),
        (3, {"frames": True}),
        (3, {"start_frame": -1}),
        (3, {"latency": 10**9}),
        (4, {"input": "../secret.wav"}),
        (4, {"input": "/etc/passwd"}),
        (4, {"target": "pairs/../../x.wav"}),
    ],
)
def test_a_damaged_manifest_is_an_input_error_naming_the_place(dataset, line, values):
    path = damage(dataset, line, **values)
    with pytest.raises(InputError) as raised:
        Manifest.load(dataset.directory)
    assert str(path) in raised.value.message and raised.value.hint
    if line > 1:
        assert f"line {line}" in raised.value.message


def test_a_header_alone_is_no_dataset(dataset):
    path = dataset.directory / NAME
    path.write_text(path.read_text("utf-8").splitlines()[0], "utf-8")
    with pytest.raises(InputError, match="names no pairs"):
        Manifest.load(dataset.directory)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[1]\n", b"{\n", b"\xff\xfe\x00", b'{"id": "x"}\n'])
def test_any_other_file_is_an_input_error(tmp_path, content):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(InputError):
        Manifest.load(tmp_path)


def test_a_file_is_no_dataset(tmp_path):
    (tmp_path / "take.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"take\.wav is not a dataset"):
        Manifest.load(tmp_path / "take.wav")


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path):
    with pytest.raises(InputError, match="not a dataset"):
        Manifest.load(tmp_path)


def test_links_are_followed_to_files_only(dataset, tmp_path_factory):
    row, elsewhere = dataset.rows[0], tmp_path_factory.mktemp("disk") / "a.wav"
    path = dataset.directory / row["input"]
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    dataset.verify()
    dataset.read(row)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match="missing"):
        dataset.verify()
    with pytest.raises(InputError, match="missing"):
        dataset.read(row)
    assert not intact(dataset.directory, row, "input")
