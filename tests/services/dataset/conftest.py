"""Small dry takes and short cuts to datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.progress import silent
from fxlab.services.dataset.service import Request, Result, run
from fxlab.settings import DatasetSettings, EffectSettings

RATE = 16_000


@pytest.fixture(scope="session")
def sound() -> Callable[..., np.ndarray]:
    """Faded noise by seed and length in seconds, its edges quieter than its middle."""

    def noise(seed: int, seconds: float = 0.5) -> np.ndarray:
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, int(seconds * RATE))
        return (samples * np.hanning(len(samples))).astype(np.float32)

    return noise


@pytest.fixture
def dry(tmp_path: Path, sound) -> Path:
    """A folder of six different takes."""
    folder = tmp_path / "dry"
    folder.mkdir()
    for number in range(6):
        soundfile.write(folder / f"take{number}.wav", sound(number), RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="session")
def make() -> Callable[..., Result]:
    """Makes a dataset of one or more inputs through a chain, with `DatasetSettings` as keywords."""

    def dataset(inputs, output, force=False, progress=silent, chain=("saturator",), workers=2, **settings) -> Result:
        stages = [stage if isinstance(stage, EffectSettings) else EffectSettings(stage) for stage in chain]
        inputs = inputs if isinstance(inputs, list) else [inputs]
        return run(Request(inputs, output, stages, DatasetSettings(**settings), RATE, workers, force), progress)

    return dataset


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every file of a folder with its bytes."""

    def read(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    return read
