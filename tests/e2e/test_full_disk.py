"""A disk that is full or can't be written: exit code 6, what was there is still there, and the same command does it later.

With `FXLAB_KILLS` set all verbs are tried, else some.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

ALL = ("render", "master", "dataset anew", "train anew", "grow", "grow and learn")
OFTEN = ("render", "dataset anew", "train", "grow and learn")  # those of `test_killed.py`, which are made once for both
NAMES = ALL if os.environ.get("FXLAB_KILLS") else OFTEN
SIZE = 16 << 20


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A drive of its own, which `mount` can make smaller and take away."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.name != "posix"
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", folder], capture_output=True).returncode
    ):
        pytest.skip("mounting a drive isn't allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, left: int) -> Path:
    """A file that leaves so many bytes of the drive."""
    filler = folder / "filler"
    filler.touch()
    with filler.open("wb") as file:
        for _ in range(1000):
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            if free <= left:
                break
            file.write(bytes(min(free - left, 1 << 20)))
            file.flush()
    return filler


@pytest.mark.parametrize("name", ALL if os.environ.get("FXLAB_KILLS") else ["render"])
def test_a_file_that_may_not_grow(bench, name):
    work = bench(name)
    folder = work.begun()
    done = work.run(work.job.arguments, folder, faults={"folder": str(folder), "largest": 2000})
    assert done.returncode == 6 and "File too large" in done.stderr, done
    check_untouched(work, folder)
    work.finish(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(bench, disk, name):
    work = bench(name)
    folder = disk / "work"
    shutil.copytree(work.begun(), folder)
    for left in (0, 9000) if NAMES == ALL else (9000,):
        filler = fill(disk, left)
        done = work.run(work.job.arguments, folder)
        assert done.returncode == 6 and "No space left" in done.stderr, done
        check_untouched(work, folder)
        filler.unlink()
    work.finish(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_drive_that_cant_be_written(bench, disk, name):
    work = bench(name)
    folder = disk / "work"
    shutil.copytree(work.begun(), folder)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = work.run(work.job.arguments, folder)
    assert done.returncode == 6 and str(done.stderr).count("\n") <= 4, done
    check_untouched(work, folder)


def check_untouched(work, folder: Path) -> None:
    """Nothing is lost, nothing is half there, and nothing is left over."""
    work.check_whole(folder)
    assert not [path for path in folder.rglob(".fxlab-*")]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize(
    "arguments",
    [
        ["render", "a.wav", "--effect", "clipper", "-o", "/proc/a.wav"],
        ["render", "a.wav", "--effect", "clipper", "-o", "out.wav", "--plot", "/proc/a.png"],
        ["render", "a.wav", "--effect", "clipper", "-o", "out.wav", "--html", "/proc/a.html"],
        ["master", "a.wav", "-o", "out.wav", "--save-chain", "/proc/chain.json"],
        ["dataset", "a.wav", "--effect", "clipper", "-o", "/proc/ds"],
        ["grow", "--seconds", "0.1", "-o", "out.wav", "--wavetable", "/proc/table.wav"],
        ["live", "--virtual", "--effect", "clipper", "--duration", "0.1", "-o", "/proc/take.wav"],
        ["export", "tcn-nano", "--format", "nam", "-o", "/proc/tcn.nam"],
        ["bench", "--effect", "clipper", "--runs", "1", "--csv", "/proc/bench.csv"],
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-1]}",
)
def test_places_where_nobody_can_write(fxlab, tmp_path, arguments):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(22_050) * 0.05), 22_050)
    done = fxlab(*arguments)
    assert done.returncode == 6 and "/proc/" in done.stderr and "Internal" not in done.stderr, done
    assert not list(tmp_path.glob(".fxlab-*"))
