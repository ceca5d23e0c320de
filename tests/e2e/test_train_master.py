"""`fxlab train --model master` from the command line."""

import json

import numpy as np
import pytest

from fxlab.audio.files import Writer
from fxlab.models import checkpoint

PROFILE = """
[train]
steps_per_epoch = 1
batch_size = 2

[mastering]
draws = 1
excerpt_s = 1.0
rendered = 1
"""


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for seed in range(3):
        noise = np.random.default_rng(seed).standard_normal((2, 50_000)).astype(np.float32)
        with Writer(folder / f"song{seed}.wav", 44_100, 2, "PCM_16") as writer:
            writer.write(0.1 * noise)
    (folder / "quick.toml").write_text(PROFILE)
    return folder


def test_songs_in_a_mastering_network_out(fxlab, songs, tmp_path):
    command = ("train", songs, "--model", "master", "--phase", "1c", "--profile", songs / "quick.toml", "--epochs", "1")
    run = fxlab(*command, "-o", "run")
    assert run.returncode == 0, run.stderr
    for text in ("adaptive decoder", "residual decoder", "doing nothing", "How far each band is open", "best.safetensors"):
        assert text in run.stdout + run.stderr
    assert checkpoint.load(tmp_path / "run" / "best.safetensors")[0].config.phase == "1c"
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["ended"] == "finished" and report["card"]["mastering"]["phase"] == "1c"
    assert fxlab("render", songs / "song0.wav", "--effect", "run/best.safetensors").returncode == 2


@pytest.mark.parametrize(
    "flags, said",
    [
        (("--model", "master", "--phase", "3"), "phase"),
        (("--model", "master", "--loss", "snr"), "--loss"),
        (("--model", "master", "--segment", "4096"), "--segment"),
        (("--model", "tcn", "--phase", "1a"), "--phase"),
        (("--model", "master", "--size", "large"), "compact"),
    ],
)
def test_flags_that_dont_fit_are_refused(fxlab_here, songs, flags, said):
    run = fxlab_here("train", songs, *flags)
    assert run.returncode == 2 and said in run.stderr
