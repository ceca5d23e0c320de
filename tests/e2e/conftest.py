"""Runs `fxlab` as its users do: as a process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "fxlab"]
_PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8"}
_WIDE = {"COLUMNS": "140"}


@pytest.fixture
def fxlab(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """`fxlab(*arguments)` runs the command to its end in `tmp_path`."""

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run([*COMMAND, *map(str, arguments)], cwd=tmp_path, env=os.environ | _WIDE, timeout=300, **_PIPES)

    return run


@pytest.fixture
def fxlab_start(tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """`fxlab_start(*arguments)` starts the command in `tmp_path`, in a process group of its own."""

    def start(*arguments: object) -> subprocess.Popen:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], cwd=tmp_path, env=os.environ | _WIDE, start_new_session=True, **_PIPES
        )

    return start
