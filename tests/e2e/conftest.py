"""Runs `fxlab` as its users do: as a process, in a folder of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

    def run(
        self, arguments: list[str], folder: Path, *environments: dict[str, str], **more: object
    ) -> list[subprocess.CompletedProcess]:
        """Runs at the same time, one for each addition to the environment; `more` is for `forks.py`."""
        requests = []
        for addition in environments:
            self._count += 1
            out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
            for path in (out, err):
                path.touch()
            request = {"arguments": arguments, "folder": str(folder), "environment": os.environ | _WIDE | addition}
            requests.append(request | {"out": str(out), "err": str(err)} | more)
        self._process.stdin.write(json.dumps(requests) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], _LONGEST_S)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
        codes = json.loads(self._process.stdout.readline() or "null")
        said = [[Path(request[name]).read_text("utf-8") for name in ("out", "err")] for request in requests]
        if codes is None:
            raise subprocess.TimeoutExpired(arguments, _LONGEST_S, *said[0])
        return [subprocess.CompletedProcess(arguments, code, *texts) for code, texts in zip(codes, said, strict=True)]

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
    if not started.ready():
        warnings.warn("A test left something in the environment, and so had all that followed start from nothing.", stacklevel=1)


@pytest.fixture(scope="session")
def benches() -> dict[str, Any]:
    """By name."""
    return {}


@pytest.fixture
def bench(
    forks: Forks | None, benches: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, instrument_file: Callable[[], Path]
) -> Callable[[str], Any]:
    """`bench(name)`: a job of `kills.py`, done once undisturbed, that can be killed."""
    if forks is None or not forks.ready():
        pytest.skip("runs are killed in forks, for which this isn't the place")
    spec = importlib.util.spec_from_file_location("fxlab_tests_kills", Path(__file__).with_name("kills.py"))
    kills = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)

    def found(name: str) -> Any:
        if name not in benches:
            benches[name] = kills.Bench(kills.JOBS[name], instrument_file(), forks, tmp_path_factory.mktemp("bench"))
        return benches[name]

    return found


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
        [done] = forks.run([str(argument) for argument in arguments], tmp_path, {})
        return done

    return run


@pytest.fixture
def fxlab_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> Callable[..., subprocess.CompletedProcess]:
    """`fxlab_here(*arguments)` runs the command to its end in `tmp_path`, in this very process."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        from fxlab.cli import run

        words = [str(argument) for argument in arguments]
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in _WIDE.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = run(words)
        return subprocess.CompletedProcess(words, code, *capsys.readouterr())

    return run


@pytest.fixture
def fxlab_start(tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """`fxlab_start(*arguments)` starts the command in `tmp_path`, in a process group of its own."""

    def start(*arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=tmp_path, env=os.environ | _WIDE, start_new_session=True, **_PIPES
        )

    return start
