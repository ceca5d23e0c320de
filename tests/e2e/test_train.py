"""The whole loop through the installed command: dataset, train, export, render, bench; and its mistakes."""

from __future__ import annotations

import json
import shutil
import signal
import time

import numpy as np
import pytest
import soundfile

from fxlab.services.dataset import service as dataset
from fxlab.settings import DatasetSettings, EffectSettings


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "ds"
    settings = DatasetSettings(synthesize="15s")
    dataset.run(dataset.Request([], folder, [EffectSettings("saturator")], settings, sample_rate_hz=8000, workers=1))
    return folder


@pytest.fixture
def made(made_once, tmp_path):
    """A dataset of the saturator, `ds`."""
    shutil.copytree(made_once, tmp_path / "ds")


def test_the_loop_from_nothing(fxlab, fxlab_cold, tmp_path):
    made = fxlab_cold("dataset", "--effect", "saturator", "--synthesize", "20s", "--rate", 16_000, "-o", "ds")
    assert made.returncode == 0, made.stderr
    small = ["--size", "nano", "--epochs", 1, "--batch-size", 4, "--segment", 2048, "--threads", 1]
    trained = fxlab("train", "ds", "--model", "tcn", *small, "-o", "run", "--html", "run.html", "--json")
    assert trained.returncode == 0, trained.stderr
    document = json.loads(trained.stdout)
    page = (tmp_path / document["html"]).read_text("utf-8")
    assert "fxlab train ds --model tcn" in page and "Dry, target and network" in page and "heard" not in document
    assert document["card"]["parameters_count"] == 842 and 0 < document["metrics"]["esr"] < 2
    exported = fxlab_cold("export", "run/best.safetensors", "-o", "m.onnx")
    assert exported.returncode == 0, exported.stderr
    assert "tcn nano of saturator" in exported.stdout and "255.8 ms" in exported.stdout

    dry = np.random.default_rng(0).normal(0, 0.1, 16_000)
    soundfile.write(tmp_path / "dry.wav", dry, 16_000, subtype="FLOAT")
    rendered = fxlab("render", "dry.wav", "-o", "wet.wav", "--effect", "m.onnx")
    assert rendered.returncode == 0, rendered.stderr
    wet, rate = soundfile.read(tmp_path / "wet.wav")
    assert rate == 16_000 and len(wet) == 16_000 and np.isfinite(wet).all() and wet.std() > 0

    benched = fxlab("bench", "--effect", "m.onnx", "--runs", 2, "--buffers", 256, "--budget", "0.1s", "--json")
    assert benched.returncode == 0, benched.stderr
    assert json.loads(benched.stdout)["cells"]

    again = fxlab("train", "ds", *small, "-o", "run")
    assert again.returncode == 2 and "--resume" in again.stderr
    clash = fxlab("export", "run/best.safetensors", "-o", "m.onnx", "--json")
    assert clash.returncode == 2 and json.loads(clash.stdout)["exit_code"] == 2


def test_ctrl_c_saves_and_resume_finishes(fxlab, fxlab_start, tmp_path, made):
    arguments = [
        "train",
        "ds",
        "--size",
        "nano",
        "--epochs",
        400,
        "--batch-size",
        4,
        "--segment",
        1024,
        "--threads",
        1,
        "-o",
        "run",
    ]
    process = fxlab_start(*arguments)
    deadline = time.monotonic() + 120
    while not (tmp_path / "run" / "last.safetensors").exists():  # the first epoch is done
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "--resume" in err and "interrupted, saved" in out
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    epochs = len((tmp_path / "run" / "curves.csv").read_text().splitlines())
    arguments[arguments.index("--epochs") + 1] = epochs
    resumed = fxlab(*arguments, "--resume", "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["epochs"] == epochs


def test_several_seeds(fxlab, tmp_path, made):
    few = ["--epochs", 1, "--steps-per-epoch", 3, "--batch-size", 4, "--segment", 512, "--windows", 2]
    command = ["train", "ds", "--model", "lstm", *few, "--seed", 3, "--seeds", 2, "-o", "run"]
    trained = fxlab(*command)
    assert trained.returncode == 0, trained.stderr
    assert "2 seeds: median" in trained.stdout
    again = fxlab(*command, "--resume", "--json")
    assert again.returncode == 0, again.stderr
    document = json.loads(again.stdout)
    assert list(document["runs"]) == ["3", "4"] and document["esr"]["min"] <= document["esr"]["median"] <= document["esr"]["max"]
    exported = fxlab("export", "run/best.safetensors", "-o", "m.onnx")
    assert exported.returncode == 0, exported.stderr


def test_mistakes(fxlab_here, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    for code, arguments in (
        (3, ["train", "nowhere", "-o", "run"]),
        (3, ["train", "empty", "-o", "run"]),
        (2, ["train", "empty", "--size", "hugh", "-o", "run"]),
        (2, ["train", "empty", "--learning-rate", "7", "-o", "run"]),
        (2, ["train", "empty", "--profile", "nonesuch", "-o", "run"]),
        (3, ["export", "junk.safetensors"]),
        (3, ["export", "nowhere.safetensors"]),
        (2, ["export", "junk.safetensors", "--format", "tflite"]),
    ):
        done = fxlab_here(*arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert done.stdout == "" and done.stderr.startswith("Error:") and "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "junk.safetensors"]


def test_a_changed_dataset_is_refused(fxlab, tmp_path, made):
    rows = (tmp_path / "ds" / "manifest.jsonl").read_text().splitlines()
    row = json.loads(rows[1])
    path = tmp_path / "ds" / row["target"]
    audio, rate = soundfile.read(path, dtype="float32")
    audio[len(audio) // 2] = np.inf
    soundfile.write(path, audio, rate, subtype="FLOAT")
    done = fxlab("train", "ds", "--size", "nano", "--epochs", 1, "-o", "run")
    assert done.returncode == 3 and "no longer what it was" in done.stderr
