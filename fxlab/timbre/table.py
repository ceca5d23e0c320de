"""Pitch that is written down: a CSV file in place of a tracker."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.errors import InputError
from fxlab.timbre.tracker import Pitch

LOWEST_HZ, HIGHEST_HZ = 10.0, 20_000.0
_HINT = "Each line is `time_s,f0_hz` or `time_s,f0_hz,confidence`, such as `0.010,220.5,0.98`; 0 Hz means no pitch."
_SEPARATORS = re.compile(r"\s*[,;\t]\s*")


@dataclass(frozen=True)
class Table:
    """A tracker that knows the pitch beforehand, whatever the audio."""

    name: str
    pitch: Pitch

    def __call__(self, audio: np.ndarray, rate_hz: int) -> Pitch:
        return self.pitch


def read_csv(path: Path) -> Table:
    """Pitch from a table with the columns time in s, frequency in Hz and, where there is a third, confidence from 0 to 1.

    A first line of words, empty lines, lines that begin with # and further columns are passed over; columns are parted by commas,
    semicolons or tabs. A frequency of 0 or below, or that is no number (nan, empty), means that there is no pitch. Between lines
    that are more than 0.1 s apart there is none either.

    Raises:
        InputError: It can't be read, or has a line that makes no sense, which the message names.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.", "Check the name.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file.", _HINT) from None
    rows: list[tuple[float, float, float]] = []
    words = False
    for number, line in enumerate(text.splitlines(), 1):
        cells = _SEPARATORS.split(line.strip())
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not rows and not words and _number(cells[0]) is None:
            words = True
            continue
        row = _row(cells, f"{path}, line {number}")
        if rows and row[0] <= rows[-1][0]:
            raise InputError(f"{path}, line {number}: {row[0]:g} s doesn't come after {rows[-1][0]:g} s.", "Sort it by time.")
        rows.append(row)
    pitch = Pitch(*np.array(rows, np.float64).reshape(-1, 3).T)
    if not pitch.voiced.any():
        raise InputError(f"{path} has no pitch in it.", _HINT)
    return Table(f"csv {hashlib.sha256(content).hexdigest()[:12]}", pitch)


def _row(cells: list[str], where: str) -> tuple[float, float, float]:
    if len(cells) < 2:
        raise InputError(f"{where} has one column.", _HINT)
    time, hertz = _number(cells[0]), _number(cells[1] or "nan")
    if time is None or not 0 <= time < math.inf:
        raise InputError(f"{where}: '{cells[0]}' is not a time in seconds.", _HINT)
    if hertz is None:
        raise InputError(f"{where}: '{cells[1]}' is not a frequency in Hz.", _HINT)
    if math.isnan(hertz) or hertz <= 0:
        return time, 0.0, 0.0
    if not LOWEST_HZ <= hertz <= HIGHEST_HZ:
        raise InputError(f"{where}: {hertz:g} Hz is out of range ({LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz).", _HINT)
    confidence = _number(cells[2]) if len(cells) > 2 and cells[2] else 1.0
    if confidence is None or not 0 <= confidence <= 1:
        raise InputError(f"{where}: '{cells[2]}' is not a confidence from 0 to 1.", _HINT)
    return time, hertz, confidence


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
