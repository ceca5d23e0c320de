from __future__ import annotations

import json

import numpy as np
import soundfile

RATE = 16_000


def test_a_recorded_pair_from_files_to_report(fxlab, tmp_path):
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    dry = np.concatenate([np.exp(-4 * time) * np.sign(np.sin(2 * np.pi * rng.uniform(80, 400) * time)) for _ in range(4)])
    dry += rng.normal(0, 1e-3, len(dry))
    soundfile.write(tmp_path / "dry.wav", 0.5 * dry, RATE)
    soundfile.write(tmp_path / "wet.flac", np.concatenate((np.zeros(300), np.tanh(2 * dry) / 2)), RATE)
    made = fxlab("dataset", "--dry", "dry.wav", "--wet", "wet.flac", "-o", "ds")
    assert made.returncode == 0, made.stderr
    assert "delay" in made.stdout and "best ESR to hope for" in made.stdout and "pair.png" in made.stderr
    assert sorted(path.name for path in (tmp_path / "ds").iterdir()) == ["manifest.jsonl", "pair.png", "pairs"]
    soundfile.write(tmp_path / "other.wav", rng.normal(0, 0.1, len(dry)), RATE)
    refused = fxlab("dataset", "--dry", "dry.wav", "--wet", "other.wav", "-o", "other", "--json")
    assert refused.returncode == 3 and json.loads(refused.stdout)["error"]["message"].startswith("other.wav isn't")
    for arguments in (["--dry", "dry.wav"], ["dry.wav", "--dry", "dry.wav", "--wet", "wet.flac"]):
        assert fxlab("dataset", *arguments, "-o", "wrong").returncode == 2
    assert not (tmp_path / "other").exists() and not (tmp_path / "wrong").exists()
