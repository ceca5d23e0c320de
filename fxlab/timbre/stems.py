"""What the automaton let through, as numbers for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.audio.writer import check_vacant


def write_mask_csv(path: str | Path, gains: np.ndarray, harmonics: int, frame_rate_hz: float, force: bool = False) -> None:
    """Writes the gains of an instrument's cells: a line per frame, with columns time_s, h1, h2, ... and n1, n2, ...

    Args:
        path: The file.
        gains: Linear, (frames, cells), harmonics first.
        harmonics: How many of the cells are harmonics; the others are noise bands.
        frame_rate_hz: Frames per second.
        force: Overwrite a file that exists.

    Raises:
        UsageError: The file exists and `force` is off, or it is a folder.
        OutputError: The place can't be written, or the disk is full.
    """
    path = Path(path)
    check_vacant(path, force)
    frames, cells = gains.shape
    names = [f"h{number}" for number in range(1, harmonics + 1)] + [f"n{number}" for number in range(1, cells - harmonics + 1)]
    rows = np.column_stack([np.arange(frames) / frame_rate_hz, gains])
    with replacing(path) as temporary:
        formats = ["%.6f"] + ["%.6g"] * cells
        np.savetxt(temporary, rows, formats, ",", header=",".join(["time_s", *names]), comments="", encoding="utf-8")
