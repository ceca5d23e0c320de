"""What all tests share: where real audio is, and a quiet, single-threaded set-up."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

# The package under test is the installed one, or the checkout where none is; child processes find the same from any folder.
_found = importlib.util.find_spec("fxlab")
_root = str(Path(_found.origin).parents[1] if _found and _found.origin else Path(__file__).parents[1])
if _found is None:
    sys.path.insert(0, _root)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (_root, os.environ.get("PYTHONPATH"))))


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder with real audio (`$FXLAB_DATA/audio`); skips the test where there is none."""
    return _shared("audio")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder with other programs' models (`$FXLAB_DATA/models`); skips the test where there is none."""
    return _shared("models")


def _shared(name: str) -> Path:
    folder = Path(os.environ.get("FXLAB_DATA", Path(__file__).parents[2] / "shared")) / name
    if not folder.is_dir():
        pytest.skip(f"no data: set FXLAB_DATA to the folder that holds {name}/")
    return folder
