"""What of a recording is drawn: its first channel, for so long."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fxlab.audio.files import Reader

MAX_FRAMES = 6_000_000
"""What is drawn at most, two minutes at 48 kHz: the picture must not need more memory for a longer file."""


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


def cut_note(frames: int, rate_hz: int) -> str:
    """What a title says of audio of which only the beginning is drawn."""
    return f" (the first {MAX_FRAMES / rate_hz:.0f} s)" if frames == MAX_FRAMES else ""


def beginning(source: Path, frames: int) -> tuple[np.ndarray, int, int]:
    """First channel of a file, cut or filled with silence to `frames`, its rate, and how many channels it has."""
    dry = np.zeros(frames, np.float32)
    done = 0
    with Reader(source) as reader:
        for block in reader.blocks():
            piece = block[0, : frames - done]
            dry[done : done + len(piece)] = piece
            done += len(piece)
            if done == frames:
                break
        return dry, reader.info.sample_rate_hz, reader.info.channels
