"""`fxlab grow` as its users call it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
import soundfile

from fxlab.audio.files import probe

PROFILE = """
[model]
type = "ddsp"
[train]
epochs = 3
steps_per_epoch = 1
batch_size = 1
[grow]
iterations = 3
segment_s = 0.3
scales = [64]
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def here(tmp_path, monkeypatch, capsys, instrument_file):
    """`here(*arguments)` runs the command in this process, in `tmp_path`, where the instrument is called inst.safetensors."""
    from fxlab.cli import run

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copy(instrument_file(), tmp_path / "inst.safetensors")

    def play(*arguments: object) -> Said:
        code = run(["grow", *map(str, arguments)])
        return Said(code, *capsys.readouterr())

    return play


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_it_says(here, tmp_path):
    done = here("inst.safetensors", "--stages", 4, "--stage-seconds", 0.2, "-o", "out.flac", "--stems", "--mask", "mask.csv")
    assert done.code == 0 and "4 stages" in done.out and "× real time" in done.out and "Mask: mask.csv" in done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert names(tmp_path) == ["inst.safetensors", "mask.csv", "out.flac", "out.harmonic.flac", "out.noise.flac"]
    assert probe(tmp_path / "out.flac").subtype == "PCM_24"
    again = here("inst.safetensors", "-o", "out.flac")
    assert again.code == 2 and "exists already" in again.err and "--force" in again.err
    many = here("inst.safetensors", "-o", "out.flac", "--seeds", 2, "--seconds", "0.3", "--json", "--plot", "sheet.svg")
    document = json.loads(many.out)
    assert [take["output"] for take in document["takes"]] == ["out-0.flac", "out-1.flac"] and not many.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["none.wav"], 3, "no file none.wav"),
        (["inst.safetensors", "--age", "4:0,2:1"], 2, "later"),
        (["inst.safetensors", "--along", "none.mid"], 3, "no file none.mid"),
        (["inst.safetensors", "--stages", "0"], 2, "--stages"),
        (["inst.safetensors", "--seconds", "soon"], 2, "length of time"),
        (["inst.safetensors", "-o", "inst.safetensors"], 2, "doesn't write"),
        (["none.wav", "--profile", "none"], 2, "none"),
        (["inst.safetensors", "--minutes", "5"], 2, "nothing is learnt"),
        (["inst.safetensors", "-o", "/proc/out.wav"], 6, "/proc/out.wav"),
    ],
)
def test_what_goes_wrong(here, tmp_path, arguments, code, says):
    done = here(*arguments)
    assert done.code == code and says in done.err and not done.out
    assert len(done.err.splitlines()) >= 2  # what is wrong, and a way out
    assert names(tmp_path) == ["inst.safetensors"]


def test_playing_needs_no_torch(tmp_path, instrument_file):
    pytest.importorskip("swift_f0")
    time_s = np.arange(22_050) / 22_050
    soundfile.write(tmp_path / "voice.wav", 0.1 * sum(np.sin(2 * np.pi * 220 * n * time_s) / n for n in range(1, 6)), 22_050)
    code = (
        "import sys; from fxlab.cli import run; code = run(sys.argv[1:]); "
        "sys.exit(code or 50 * any(name in sys.modules for name in ('torch', 'matplotlib', 'torchaudio')))"
    )
    arguments = ["grow", instrument_file(), "--along", "voice.wav", "-o", "out.wav", "--stereo"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert probe(tmp_path / "out.wav").sample_rate_hz == 22_050


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_the_same_command_goes_on_after_ctrl_c(here, tmp_path, monkeypatch):
    pytest.importorskip("swift_f0")
    from fxlab.services.train import instrument as train_instrument
    from fxlab.services.train import keeping

    time_s = np.arange(2 * 22_050) / 22_050
    tone = sum(np.sin(2 * np.pi * 220 * n * time_s) / n for n in range(1, 8)) * np.minimum(1, 8 * (time_s % 0.5))
    soundfile.write(tmp_path / "tone.wav", 0.1 * tone, 22_050)
    (tmp_path / "quick.toml").write_text(PROFILE)
    (tmp_path / "inst.safetensors").unlink()
    command = ["tone.wav", "-o", "out.wav", "--minutes", "0", "--profile", "quick.toml"]
    monkeypatch.setattr(train_instrument, "write_report", lambda *given: {})  # pictures take longer than all the rest
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "write_curves", lambda *given: signal.raise_signal(signal.SIGINT))
        stopped = here(*command)
    assert stopped.code == 130 and "the same command goes on" in stopped.err
    assert names(tmp_path) == ["out.run", "quick.toml", "tone.wav"]
    done = here(*command)
    assert done.code == 0, done.err
    assert "Went on with the training" in done.err and "spectral loss" in done.out
    assert names(tmp_path) == ["out.instrument.safetensors", "out.wav", "quick.toml", "tone.wav"]
