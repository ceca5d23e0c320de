"""What all tests share: where real audio is, and a quiet, single-threaded set-up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder with real audio (`$FXLAB_DATA/audio`); skips the test where there is none."""
    data = Path(os.environ.get("FXLAB_DATA", Path(__file__).parents[2] / "shared"))
    if not (data / "audio").is_dir():
        pytest.skip("no real audio: set FXLAB_DATA to the folder that holds audio/")
    return data / "audio"
