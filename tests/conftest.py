"""What all tests share: where real audio is, and a quiet, single-threaded set-up."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

if importlib.util.find_spec("fxlab") is None:  # not installed: the tests run on the checkout, child processes included
    root = str(Path(__file__).parents[1])
    sys.path.insert(0, root)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder with real audio (`$FXLAB_DATA/audio`); skips the test where there is none."""
    data = Path(os.environ.get("FXLAB_DATA", Path(__file__).parents[2] / "shared"))
    if not (data / "audio").is_dir():
        pytest.skip("no real audio: set FXLAB_DATA to the folder that holds audio/")
    return data / "audio"
