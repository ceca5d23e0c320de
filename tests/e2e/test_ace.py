"""ACE from the command line: rendered and drawn, learnt from pairs, resumed, taken to other formats, and its mistakes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

RATE = 8000


@pytest.fixture
def takes(tmp_path):
    """Three files of decaying notes in a folder."""
    (tmp_path / "takes").mkdir()
    t = np.arange(RATE // 2) / RATE
    for number in range(3):
        rng = np.random.default_rng(number)
        tones = [np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.1) for hz in rng.uniform(200, 3000, 4)]
        notes = [tone + 0.1 * rng.normal(size=len(t)) * np.exp(-t / 0.01) for tone in tones]
        soundfile.write(tmp_path / "takes" / f"{number}.wav", 0.3 * np.concatenate(notes), RATE, subtype="FLOAT")
    return tmp_path / "takes"


def test_a_file_is_enhanced_drawn_and_told_of(fxlab, takes, tmp_path):
    done = fxlab("render", "takes/0.wav", "-o", "wet.wav", "--effect", "ace", "--adapt", "--plot", "ace.png", "--json")
    assert done.returncode == 0, done.stderr
    assert "ace adapted: contrast strengths" in done.stdout
    dry, wet = (soundfile.read(tmp_path / name)[0] for name in ("takes/0.wav", "wet.wav"))
    assert len(wet) == len(dry) and 0 < wet.std() < dry.std()
    assert (tmp_path / "ace.png").stat().st_size > 50_000
    refused = fxlab("render", "takes/0.wav", "-o", "other.wav", "--effect", "saturator", "--adapt")
    assert refused.returncode == 2 and "ace" in refused.stderr and not (tmp_path / "other.wav").exists()


def test_parameters_are_learnt_resumed_and_exported(fxlab, takes, tmp_path):
    setting = ["--set", "mix=0.7", "--set", "tce_highpass_hz=1000", "--set", "dp_decay_s=0.2"]
    made = fxlab("dataset", "takes", "-o", "ds", "--effect", "ace", *setting, "--rate", RATE)
    assert made.returncode == 0 and "fxlab train ds --model ace" in made.stderr, made.stderr
    run = ["train", "ds", "--model", "ace", "--size", "32", "--threads", 1, "-o", "run", "--json"]
    begun = fxlab(*run, "--epochs", 1)
    assert begun.returncode == 0, begun.stderr
    went_on = fxlab(*run, "--epochs", 2, "--resume")
    assert went_on.returncode == 0, went_on.stderr
    first, last = (json.loads(one.stdout) for one in (begun, went_on))
    assert last["metrics"]["validation_esr"] <= first["metrics"]["validation_esr"] and last["epochs"] == 2
    learnt = last["metrics"]["parameters"]
    assert len(learnt) == 31 and all(isinstance(row["determined"], bool) for row in learnt)

    for name, format in (("ace.onnx", "onnx"), ("ace.toml", "profile")):
        exported = fxlab("export", "run/best.safetensors", "--format", format, "-o", name)
        assert exported.returncode == 0, exported.stderr
    for name, played in (("a.wav", ["--effect", "run/best.safetensors"]), ("b.wav", ["--profile", "ace.toml"])):
        rendered = fxlab("render", "takes/1.wav", "-o", name, *played)
        assert rendered.returncode == 0, rendered.stderr
    model, effect = (soundfile.read(tmp_path / name)[0] for name in ("a.wav", "b.wav"))
    assert np.abs(model - effect).max() < 1e-4 and model.std() > 0

    refused = fxlab("export", "run/best.safetensors", "--format", "nam")
    assert refused.returncode == 2 and "onnx" in refused.stderr.lower()
