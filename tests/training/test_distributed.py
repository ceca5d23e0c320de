"""Three processes train as one: whatever the loss, however rows and memory are shared, and they fail together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fxlab.errors import MissingError
from fxlab.training.distributed import ALONE, joined

PROGRAM = Path(__file__).with_name("three_processes.py")


def test_three_processes_are_as_one(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3", str(PROGRAM)]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert all(f"{rank} stopped" in done.stdout for rank in range(3))
    assert all(f"{rank} is done" in done.stdout for rank in range(2)), "they notice that the third has gone"


def test_without_torchrun_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("auto") as team:
        assert team is ALONE and not torch.distributed.is_initialized()
    rows = torch.arange(5)
    assert team.first and team.gathered(rows[team.share(1, 3)], 2) is not None and list(rows[team.share(1, 3)]) == [1, 2]


def test_an_environment_that_lacks_something_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(MissingError, match="RANK") as raised, joined("cpu"):
        pass
    assert "torchrun" in raised.value.hint
