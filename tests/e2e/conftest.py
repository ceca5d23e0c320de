"""Runs `fxlab` as its users do: as a process, in a folder of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "fxlab"]
_PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
_WIDE = {"COLUMNS": "140"}
_LONGEST_S = 300


class Forks:
    """The process of `forks.py`."""

    def __init__(self, folder: Path) -> None:
        self._early, self._folder, self._count = read_early(), folder, 0
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("forks.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | _WIDE,
            start_new_session=True,
        )

    def ready(self) -> bool:
        """Whether a fork would be as what starts now: what is read early is as it was."""
        return read_early() == self._early

    def run(self, arguments: list[str], folder: Path) -> subprocess.CompletedProcess:
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        for path in (out, err):
            path.touch()
        request = {"arguments": arguments, "folder": str(folder), "environment": os.environ | _WIDE}
        request |= {"out": str(out), "err": str(err)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], _LONGEST_S)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, _LONGEST_S, out.read_text("utf-8"), err.read_text("utf-8"))
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, out.read_text("utf-8"), err.read_text("utf-8"))

    def close(self) -> None:
        self._process.communicate()


def read_early() -> dict[str, str]:
    """The part of the environment that Python and libraries read when they start."""
    return {name: value for name, value in os.environ.items() if name.startswith(("PYTHON", "LD_", "OMP_", "MKL_", "NUMBA_"))}


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks | None]:
    """None where forks aren't safe; they are where nothing but Python and libraries for Linux has been loaded."""
    if not sys.platform.startswith("linux"):
        yield None
        return
    started = Forks(tmp_path_factory.mktemp("said"))
    yield started
    started.close()


@pytest.fixture
def fxlab_cold(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """`fxlab_cold(*arguments)` runs the command to its end in `tmp_path`, from the start of the interpreter on."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)], cwd=tmp_path, env=os.environ | _WIDE, timeout=_LONGEST_S, **_PIPES
        )

    return run


@pytest.fixture
def fxlab(tmp_path: Path, forks: Forks | None, fxlab_cold: Callable) -> Callable[..., subprocess.CompletedProcess]:
    """`fxlab(*arguments)` runs the command to its end in `tmp_path`, the large libraries being loaded already."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        if forks is None or not forks.ready():
            return fxlab_cold(*arguments)
        return forks.run([str(argument) for argument in arguments], tmp_path)

    return run


@pytest.fixture
def fxlab_start(tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """`fxlab_start(*arguments)` starts the command in `tmp_path`, in a process group of its own."""

    def start(*arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=tmp_path, env=os.environ | _WIDE, start_new_session=True, **_PIPES
        )

    return start
