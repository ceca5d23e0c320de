"""An amplifier through a cabinet, as a player renders it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from scipy import signal

RATE = 44_100


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(7)
    soundfile.write(tmp_path / "di.wav", 0.2 * rng.standard_normal(RATE), RATE, "FLOAT")
    soundfile.write(tmp_path / "cab.wav", 0.1 * rng.standard_normal(3000) * np.exp(-np.arange(3000) / 500), RATE, "FLOAT")
    soundfile.write(tmp_path / "stereo.wav", rng.standard_normal((100, 2)), RATE, "FLOAT")
    (tmp_path / "text.wav").write_text("not audio at all")
    return tmp_path


def wanted(folder):
    dry, response = (soundfile.read(folder / name)[0] for name in ("di.wav", "cab.wav"))
    return signal.oaconvolve(dry, response)


def test_a_cabinet_after_an_effect(fxlab, folder):
    chain = "-e eq -e convolver --set convolver.ir=cab.wav --set normalize=none"
    done = fxlab("render", "di.wav", *chain.split(), "--tail", "auto", "-o", "out.wav", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["files"][0]
    assert report["latency_ms"] == 0 and report["tail_s"] == pytest.approx(2999 / RATE)
    made, full = soundfile.read(folder / "out.wav")[0], wanted(folder)
    assert len(made) == len(full) and np.abs(made - full).max() <= 1e-6 * np.abs(full).max()


def test_a_profile_with_a_cabinet(fxlab, folder):
    (folder / "mine.toml").write_text('[[effects]]\nname = "convolver"\n[effects.set]\nir = "cab.wav"\nnormalize = "none"\n')
    assert fxlab("profiles", "check", "mine.toml").returncode == 0
    shown = fxlab("profiles", "show", "mine.toml", "--json")
    assert '"cab.wav"' in shown.stdout
    done = fxlab("render", "di.wav", "--profile", "mine.toml", "-o", "out.wav")
    assert done.returncode == 0, done.stderr
    full = wanted(folder)[:RATE]
    assert np.abs(soundfile.read(folder / "out.wav")[0] - full).max() <= 1e-6 * np.abs(full).max()
    (folder / "cab.wav").unlink()
    checked = fxlab("profiles", "check", "mine.toml")
    assert (
        checked.returncode == 2
        and "line 4" in checked.stderr + checked.stdout
        and "no file cab.wav" in checked.stderr + checked.stdout
    )


@pytest.mark.parametrize(
    ("code", "ir", "words"),
    [
        (2, "nowhere.wav", "no file nowhere.wav"),
        (2, ".", "is a folder"),
        (2, "12", "must name a file"),
        (2, "stereo.wav", "has 2 channels, the audio has 1"),
        (3, "text.wav", "isn't an audio file"),
    ],
)
def test_mistakes(fxlab_here, folder, code, ir, words):
    done = fxlab_here("render", "di.wav", "-e", "convolver", "--set", f"ir={ir}", "-o", "out.wav")
    assert done.returncode == code and words in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr and not (folder / "out.wav").exists()
