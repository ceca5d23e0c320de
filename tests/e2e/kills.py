"""Tiny jobs of every verb that writes, what they leave compared, and how they are killed."""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from fxlab.models import checkpoint_file
from fxlab.progress import silent
from fxlab.training.manifest import Manifest

RATE = 22_050
# What a result tells of the time that it took.
_TIMES = {"seconds", "elapsed_s", "elapsed", "training_s", "trained_s", "speed", "times_real_time", "steps_per_second"}


@dataclass(frozen=True)
class Job:
    """A command, and what is there when it is given.

    Attributes:
        arguments: Of `fxlab`.
        inputs: Writes them into a folder.
        before: Commands that were given earlier: their results are what may be lost.
        states: Files that are written again and again; between its beginning and its end they may hold any of its states.
    """

    arguments: list[str]
    inputs: Callable[[Path], None]
    before: tuple[list[str], ...] = ()
    states: tuple[str, ...] = ()


def tone(seconds: float, hz: float, seed: int) -> np.ndarray:
    """Notes on noise, (frames,)."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    notes = sum(np.sin(2 * np.pi * hz * n * time_s) / n for n in range(1, 8)) * np.minimum(1, 8 * (time_s % 0.5))
    return 0.1 * notes + 0.001 * np.random.default_rng(seed).standard_normal(len(time_s))


def tones(folder: Path) -> None:
    soundfile.write(folder / "a.wav", tone(2, 220, 1), RATE)
    soundfile.write(folder / "b.wav", np.stack([tone(1.5, 330, 2), tone(1.5, 110, 3)], axis=1), RATE)


PROFILE = """
[model]
type = "ddsp"
[train]
epochs = 2
steps_per_epoch = 1
batch_size = 1
[grow]
iterations = 3
segment_s = 0.3
scales = [64]
"""
DATASET = ["dataset", "--synthesize", "12s", "--rate", "8000", "--chunk", "4", "--workers", "1", "-o", "ds", "--effect"]
TRAIN = ["train", "ds", "--size", "nano", "--epochs", "2", "--steps-per-epoch", "2", "--batch-size", "2", "--segment", "512"]
TRAIN += ["-o", "run"]
GROW = [
    "grow",
    "inst.safetensors",
    "-o",
    "out.wav",
    "--seconds",
    "0.5",
    "--stems",
    "--mask",
    "mask.csv",
    "--sfz",
    "sfz",
    "--force",
]
MASTER = ["master", "b.wav", "-o", "out.wav", "--delta", "delta.wav", "--save-chain", "chain.json", "--no-codecs", "--force"]
RENDER = ["render", "a.wav", "b.wav", "-o", "out", "--workers", "1", "--force", "--effect"]
RUN = ("run/*.safetensors", "run/curves.csv", "run/report.json", "run/*.png")

JOBS = {
    "render": Job([*RENDER, "saturator"], tones, ([*RENDER, "clipper"],)),
    "render a picture": Job(["render", "a.wav", "--effect", "saturator", "-o", "out.flac", "--plot", "out.png"], tones),
    "master": Job(MASTER, tones, ([*MASTER, "--amount", "30"],)),
    "dataset": Job([*DATASET, "saturator"], lambda folder: None, (), ("ds/pairs.partial.jsonl",)),
    "dataset anew": Job([*DATASET, "saturator", "--force"], tones, ([*DATASET, "clipper"],), ("ds/pairs.partial.jsonl",)),
    "train": Job(TRAIN, lambda folder: None, ([*DATASET, "saturator"],), RUN),
    "train anew": Job([*TRAIN, "--force"], tones, ([*DATASET, "saturator"], [*TRAIN, "--seed", "3"]), RUN),
    "grow": Job(GROW, lambda folder: None, ([*GROW, "--pitch", "1"],)),
    "grow and learn": Job(
        ["grow", "a.wav", "-o", "out.wav", "--profile", "quick.toml", "--minutes", "0"], tones, (), ("out.run/*", "out.run/*/*")
    ),
}


def fxlab_error(done: subprocess.CompletedProcess) -> str:
    return f"{done.args}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"


def contents(folder: Path) -> dict[str, Any]:
    """Every file by its name, without what it tells of times; empty folders too."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found[name] = content(path)
        elif not any(path.iterdir()):
            found[f"{name}/"] = None
    return found


def content(path: Path) -> Any:
    data = path.read_bytes()
    if path.suffix == ".safetensors":
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        about = {name: json.loads(text) if text[:1] in "{[" else text for name, text in header.pop("__metadata__", {}).items()}
        about.pop("sha256", None)
        return timeless(about), header, data[8 + length :]
    if path.suffix == ".json":
        return timeless(json.loads(data))
    if path.name == "curves.csv":
        return [timeless(row) for row in csv.DictReader(io.StringIO(data.decode()))]
    return data


def timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: timeless(one) for name, one in value.items() if name not in _TIMES}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def differing(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Names that aren't in both, or hold something else."""
    return sorted(
        name
        for name in found.keys() | expected.keys()
        if name not in found or name not in expected or found[name] != expected[name]
    )


class Bench:
    """A job, done once undisturbed, that can be killed again and again; each time in a fresh copy of what it begins with.

    Args:
        job: The job.
        instrument: A file.
        forks: Of `conftest.py`.
        folder: An empty one.
    """

    def __init__(self, job: Job, instrument: Path, forks: Any, folder: Path) -> None:
        self.job, self._forks, self._folder, self._count = job, forks, folder, 0
        self._template = folder / "template"
        (self._template / "home").mkdir(parents=True)
        (self._template / "tmp").mkdir()
        job.inputs(self._template)
        (self._template / "quick.toml").write_text(PROFILE)
        shutil.copy(instrument, self._template / "inst.safetensors")
        for arguments in job.before:
            assert (done := self.run(arguments, self._template)).returncode == 0, fxlab_error(done)
        self.old = contents(self._template)
        self.points: list[str] = []
        log = folder / "points"
        self.undisturbed = self.begun()
        began = time.monotonic()
        done = self.run(job.arguments, self.undisturbed, faults={"folder": str(self.undisturbed), "log": str(log)})
        self.seconds = time.monotonic() - began
        assert done.returncode == 0, fxlab_error(done)
        self.points = log.read_text().splitlines()
        self.new = contents(self.undisturbed)

    def begun(self) -> Path:
        """A folder in which the job can be done."""
        self._count += 1
        made = self._folder / str(self._count)
        shutil.copytree(self._template, made)
        return made

    def run(self, arguments: list[str], folder: Path, **more: Any) -> subprocess.CompletedProcess:
        own = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "home" / "cache"), "TMPDIR": str(folder / "tmp")}
        [done] = self._forks.run(arguments, folder, own, **more)
        return done

    def kill(self, folder: Path, **how: Any) -> bool:
        """Whether the job was killed before it was over; checks that nothing is lost or half there."""
        if "killed_after_s" not in how:
            how = {"faults": {"folder": str(folder), **how}}
        done = self.run(self.again(folder), folder, **how)
        assert done.returncode in (0, -9), fxlab_error(done)
        self.check_whole(folder)
        return done.returncode == -9

    def again(self, folder: Path) -> list[str]:
        """What a user says to go on."""
        words = self.job.arguments
        if words[0] == "train" and "--force" not in words and (folder / "run" / "last.safetensors").exists():
            return [*words, "--resume"]
        # Otherwise it goes on by itself, or begins anew; outputs that are there already need a word.
        outputs = any((folder / name).exists() for name in ("out.wav", "out.flac", "run/best.safetensors"))
        return [*words, "--force"] if outputs and "--force" not in words else words

    def check_whole(self, folder: Path) -> None:
        """Every file is as it was, as it will be, or one of those that are on their way."""
        found = contents_of_visible(folder)
        for name, now in found.items():
            if not any(Path(name).match(pattern) for pattern in self.job.states):
                assert now in (self.old.get(name), self.new.get(name)), f"{name} is neither the old nor the new one"
        kept = [name for name in self.old.keys() & self.new.keys() if not any(Path(name).match(one) for one in self.job.states)]
        kept += [name for name in ("run/best.safetensors",) if name in self.old]  # whose state goes before a new one comes
        lost = [name for name in kept if name not in found and not name.endswith("/")]
        assert not lost, f"lost: {lost}"
        assert inside("sfz", found) in (inside("sfz", self.old), inside("sfz", self.new)), "an instrument half old, half new"
        if (folder / "ds" / "manifest.jsonl").exists():
            Manifest.load(folder / "ds").verify(silent)
        for path in [*folder.rglob("best.safetensors"), *folder.rglob("last.safetensors")]:
            checkpoint_file.read(path)

    def finish(self, folder: Path) -> None:
        """Goes on, and checks that all is as if nothing had happened."""
        done = self.run(self.again(folder), folder)
        assert done.returncode == 0, fxlab_error(done)
        assert not (other := differing(contents(folder), self.new)), f"{other} differ after {done.args}\n{done.stderr}"
        shutil.rmtree(folder)


def inside(place: str, found: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in found.items() if name.startswith(f"{place}/")}


def contents_of_visible(folder: Path) -> dict[str, Any]:
    """`contents` without what is hidden, as long as it is there."""
    hidden = [path for path in folder.rglob(".fxlab-*")]
    kept = folder.with_name(f"{folder.name}-seen")
    shutil.copytree(folder, kept, ignore=shutil.ignore_patterns(".fxlab-*")) if hidden else None
    try:
        return contents(kept if hidden else folder)
    finally:
        shutil.rmtree(kept, ignore_errors=True)
