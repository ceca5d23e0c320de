"""What all pictures of `fxlab render --plot` share: where they go, what is kept for them, the sheet they are drawn on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing, require_place
from fxlab.audio.files import Reader
from fxlab.audio.writer import check_vacant
from fxlab.errors import UsageError

SUFFIXES = (".png", ".svg", ".pdf")
MAX_FRAMES = 6_000_000
"""What is drawn at most, two minutes at 48 kHz: the picture must not need more memory for a longer file."""

COLUMNS = 1500
"""Columns of waveforms and spectrograms at most, about the pixels there are."""


class Recording:
    """Keeps the first channel of the first `MAX_FRAMES` frames it is shown."""

    def __init__(self) -> None:
        self._pieces: list[np.ndarray] = []
        self._room = MAX_FRAMES

    def __call__(self, block: np.ndarray) -> None:
        piece = block[0, : self._room].copy()
        self._room -= len(piece)
        if len(piece):
            self._pieces.append(piece)

    def audio(self) -> np.ndarray:
        """What was kept, float32 (frames,)."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)


def check_picture(path: Path, taken: Sequence[Path], force: bool) -> None:
    """Raises `UsageError` where the picture can't go to `path`, such as onto one of the `taken` files; `OutputError` where its
    folder can't be written."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path} isn't named as a picture.", f"Choose one of: {', '.join(SUFFIXES)}.")
    if os.path.realpath(path) in {os.path.realpath(other) for other in taken}:
        raise UsageError(f"{path} is an audio file of this run.", "Choose another name with --plot.")
    check_vacant(path, force)
    require_place(path)


def cut_note(frames: int, rate_hz: int) -> str:
    """What a title says of audio of which only the beginning is drawn."""
    return f" (the first {MAX_FRAMES / rate_hz:.0f} s)" if frames == MAX_FRAMES else ""


def beginning(source: Path, frames: int) -> tuple[np.ndarray, int]:
    """First channel of a file, cut or filled with silence to `frames`, and its rate."""
    dry = np.zeros(frames, np.float32)
    done = 0
    with Reader(source) as reader:
        for block in reader.blocks():
            piece = block[0, : frames - done]
            dry[done : done + len(piece)] = piece
            done += len(piece)
            if done == frames:
                break
        return dry, reader.info.sample_rate_hz


def sheet(title: str) -> Any:
    """An empty matplotlib figure."""
    # The object interface, not pyplot: no global state and no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 13), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    return figure


def save(figure: Any, path: Path) -> None:
    """Writes a figure in the format that the suffix says; raises `OutputError` where it can't."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=110)
