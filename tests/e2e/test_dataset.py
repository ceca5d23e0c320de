from __future__ import annotations

import json

import numpy as np
import soundfile


def test_a_dataset_from_nothing(fxlab, tmp_path):
    made = fxlab("dataset", "--effect", "saturator", "--synthesize", "6s", "--rate", 16_000, "-o", "ds", "--json")
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    assert {name: share["pairs"] for name, share in document["splits"].items()} == {"train": 1, "validation": 1, "test": 1}
    rows = [json.loads(line) for line in (tmp_path / "ds" / "manifest.jsonl").read_text("utf-8").splitlines()]
    assert rows[0]["fxlab_dataset"] == 1 and len(rows) == 4
    target, rate = soundfile.read(tmp_path / "ds" / rows[1]["target"])
    assert rate == 16_000 and len(target) == rows[1]["frames"]


def test_every_option_of_a_run_over_files(fxlab, tmp_path):
    for number in range(4):
        noise = np.random.default_rng(number).normal(0, 0.1, (4410, 2))
        soundfile.write(tmp_path / f"take {number}.flac", noise, 44_100)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    options = ["--grid", "drive_db=0,24", "--random", "bias=-0.2:0.2", "--draws", 2, "--levels", "-6,0", "--chunk", 0.05]
    options += ["--validation", 0.25, "--test", 0.25, "--rate", 8000, "--seed", 3, "--workers", 2, "--trim", -60]
    made = fxlab("dataset", ".", "-e", "saturator", "--set", "oversample=2", "-o", "ds", *options)
    assert made.returncode == 3 and "broken.wav" in made.stderr and "Traceback" not in made.stderr
    rows = [json.loads(line) for line in (tmp_path / "ds" / "manifest.jsonl").read_text("utf-8").splitlines()][1:]
    assert len(rows) == 4 * 2 * 2 * 2 * 2 * 2
    assert {row["level_db"] for row in rows} == {-6.0, 0.0}
    assert all(split in made.stdout for split in ("train", "validation", "test"))
    assert "fxlab train ds --model tcn --size single" in made.stderr
    made = fxlab("dataset", ".", "-e", "saturator", "--grid", "lowpass=biquad,one_pole", "-o", "other", *options[6:])
    assert made.returncode == 3 and "fxlab train" not in made.stderr, "no network has a knob for it"


def test_training_is_proposed_as_it_works(fxlab, tmp_path):
    made = fxlab("dataset", "--effect", "saturator", "--synthesize", "6s", "--rate", 16_000, "-o", "my ds")
    assert "Train on it with: fxlab train 'my ds' --model tcn --size nano" in made.stderr
    alone = fxlab("dataset", "my ds/pairs", "-e", "eq", "-o", "alone", "--validation", 0, "--test", 0)
    assert alone.returncode == 0 and "fxlab train" not in alone.stderr


def test_mistakes_have_their_exit_codes_and_leave_nothing(fxlab_here, tmp_path):
    for code, arguments in (
        (2, ["--effect", "saturator", "-o", "ds"]),
        (2, ["--effect", "nonesuch", "--synthesize", "1s", "-o", "ds"]),
        (2, ["--effect", "saturator", "--synthesize", "1s", "--grid", "drive_db", "-o", "ds"]),
        (3, ["--effect", "saturator", "nowhere.wav", "-o", "ds"]),
    ):
        done = fxlab_here("dataset", *arguments)
        assert done.returncode == code, done.stderr
        assert done.stdout == "" and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
