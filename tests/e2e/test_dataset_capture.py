"""`fxlab dataset --capture` through a sound server whose output is its input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from fxlab.engines.loader import open_processor
from fxlab.training.manifest import Manifest

WINDOW = 960
STREAM = ("--rate", "48000", "--json")


def capture(pulse, folder, *arguments):
    return pulse.python("-m", "fxlab", "dataset", "--capture", "-o", "ds", *STREAM, *arguments, cwd=folder)


def test_a_capture_of_the_saturator_is_the_saturator(pulse, fxlab_here, tmp_path):
    pulse.environment["PULSE_SOURCE"] = "fxlab_out.monitor"
    folder = tmp_path / "here"
    folder.mkdir()
    options = ("--synthesize", "6s", "--effect", "saturator", "--set", "drive_db=18", "--force")
    for _ in range(3):
        run = capture(pulse, folder, *options)
        if run.returncode == 0:
            break
        # A busy machine loses sound on the way. That is what has to be said then, and nothing else.
        assert run.returncode == 5 and json.loads(run.stdout)["error"]["kind"] == "CheckError", run.stderr
    else:
        assert not [path for path in folder.glob("ds/*") if path.suffix == ".jsonl"]
        return
    assert "records" in run.stderr and json.loads(run.stdout)["reports"][0]["polarity"] == "kept"
    assert sorted(path.name for path in (folder / "ds").iterdir()) == [
        "dry.wav",
        "manifest.jsonl",
        "pair.png",
        "pairs",
        "wet.wav",
    ]
    processor = open_processor("saturator", {"drive_db": 18.0}, "auto").processor
    for row in Manifest.load(folder / "ds").rows:
        (dry, _), (wet, _) = (soundfile.read(folder / "ds" / row[key], dtype="float32") for key in ("input", "target"))
        processor.prepare(48_000, 1, len(dry))
        clean = np.empty((1, len(dry)), np.float32)
        processor.process(dry[None], clean)
        clean = clean[0]
        settled = row["lead"] + 4800
        # The alignment leaves the answer a sample or two behind its cause.
        # A server that inserts a few samples and takes them away again goes unseen, and spoils some windows.
        error = min(_usual_esr(wet[settled:], np.roll(clean, late)[settled:]) for late in range(5))
        assert error < 2e-3
    assert fxlab_here("dataset", "--capture", "-o", folder / "ds", *STREAM, "--synthesize", "4s").returncode == 6


def test_without_a_cable_nothing_is_written(pulse, tmp_path):
    run = capture(pulse, tmp_path, "--synthesize", "4s")
    assert run.returncode == 4 and "silent" in json.loads(run.stdout)["error"]["message"]
    assert not (tmp_path / "ds").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--capture", "--dry", "a.wav"],
        ["--capture", "--levels", "0,-6"],
        ["--capture", "--grid", "drive_db=0,6"],
        ["--capture", "--level-db", "6"],
        ["--buffer", "512", "--effect", "saturator", "--synthesize", "3s"],
    ],
)
def test_options_that_do_not_fit_are_refused(fxlab_here, tmp_path, arguments):
    assert fxlab_here("dataset", "-o", "ds", *arguments).returncode == 2
    assert not (tmp_path / "ds").exists()


def _usual_esr(heard: np.ndarray, wanted: np.ndarray) -> float:
    """The median over windows of 20 ms that sound."""
    whole = len(wanted) // WINDOW * WINDOW
    error, energy = (np.sum(side[:whole].reshape(-1, WINDOW) ** 2, axis=1) for side in (heard - wanted, wanted))
    sounding = energy > 1e-3 * energy.max()
    return float(np.median(error[sounding] / energy[sounding]))
