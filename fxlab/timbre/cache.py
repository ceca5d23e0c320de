"""Features of recordings kept on disk: one `.safetensors` file for each content and settings, never a pickle."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.errors import InputError, OutputError
from fxlab.hashing import file_sha256, value_sha256
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Features

_WAY = 2  # of extracting: another number makes what is kept worthless


def place(folder: Path, recording: Path, config: InstrumentConfig, tracker: str, mfcc: int) -> Path:
    """The file for a recording's features: its name tells the recording's bytes and everything that they depend on.

    Raises:
        InputError: The recording can't be read.
    """
    try:
        content = file_sha256(recording)
    except OSError as error:
        raise InputError(f"{recording} can't be read: {error.strerror or error}.", "Check the name.") from None
    settings = {"rate": config.sample_rate_hz, "hop": config.hop, "mfcc": mfcc, "tracker": tracker, "way": _WAY}
    return folder / f"{value_sha256(settings | {'content': content})[:32]}.safetensors"


def load(file: Path) -> Features | None:
    """What `store` kept; None where there is nothing, or nothing whole."""
    from safetensors import SafetensorError, safe_open

    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a dict)
            metadata = opened.metadata()
        if metadata["sha256"] != _digest(arrays):
            return None
        return Features(frame_rate_hz=float(metadata["frame_rate_hz"]), **arrays)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        return None


def store(file: Path, features: Features) -> None:
    """Keeps features; where that isn't possible they will be extracted again."""
    from safetensors.numpy import save

    arrays = {name: getattr(features, name) for name in ("f0_hz", "voiced", "loudness_db")}
    if features.mfcc is not None:
        arrays["mfcc"] = features.mfcc
    metadata = {"frame_rate_hz": repr(float(features.frame_rate_hz)), "sha256": _digest(arrays)}
    with contextlib.suppress(OutputError), replacing(file) as temporary:
        temporary.write_bytes(save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata))


def _digest(arrays: dict[str, np.ndarray]) -> str:
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].shape}".encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return found.hexdigest()
