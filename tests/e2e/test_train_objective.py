"""Objectives on the command line: noisy datasets, audio instead of a dataset, and what is told before and after."""

from __future__ import annotations

import json

import numpy as np
import soundfile

RATE = 8000


def test_speech_in_noise_and_audio_alone(fxlab, tmp_path):
    (tmp_path / "takes").mkdir()
    for number in range(3):
        audio = 0.1 * np.random.default_rng(number).standard_normal(RATE) * np.hanning(RATE)
        soundfile.write(tmp_path / "takes" / f"{number}.wav", audio, RATE, subtype="FLOAT")
    made = fxlab("dataset", "takes", "--snr-db", "0,5", "--noise", "pink", "--rate", RATE, "-o", "noisy", "--json")
    assert made.returncode == 0, made.stderr
    document = json.loads(made.stdout)
    assert document["snr_db"] == [0, 5] and document["noise"] == "pink" and document["rendered"] == 6

    (tmp_path / "slow.toml").write_text(f"[audio]\nsample_rate_hz = {RATE}\n")
    small = ["--size", "nano", "--epochs", 1, "--steps-per-epoch", 1, "--batch-size", 2, "--segment", 2048, "--threads", 1]
    alone = ["train", "takes/0.wav", "takes/1.wav", "takes/2.wav", "--profile", "slow.toml", *small, "-o", "run"]
    refused = fxlab(*alone)
    assert refused.returncode == 2 and "--loss contrast" in refused.stderr and not (tmp_path / "run").exists()
    trained = fxlab(*alone, "--loss", "contrast")
    assert trained.returncode == 0, trained.stderr
    assert "spectral contrast (dB)" in trained.stdout and "untouched" in trained.stdout and "verdict" not in trained.stdout
    assert (tmp_path / "run" / "dataset" / "manifest.jsonl").is_file()
