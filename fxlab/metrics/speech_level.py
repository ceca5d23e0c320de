"""How loud speech is while it is spoken, pauses left out."""

from __future__ import annotations

import numpy as np

FRAME_S = 0.01
_HANGOVER = 20  # frames: gaps between words belong to speech
_MARGIN_DB = 15.9


class ActiveLevel:
    """Mean power of the active part of a signal, after ITU-T P.56 method B with frames of 10 ms for its smoothed envelope.

    What lies more than 15.9 dB below the level that is looked for isn't active, unless it follows what is within 0.2 s.

    Args:
        rate_hz: Sample rate.
    """

    def __init__(self, rate_hz: int) -> None:
        self._size = max(1, round(FRAME_S * rate_hz))
        self._rest = np.zeros(0)
        self._powers: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Hears more of it, (frames,)."""
        audio = np.concatenate((self._rest, np.asarray(block, np.float64)))
        whole = len(audio) // self._size * self._size
        self._powers.append(np.mean(audio[:whole].reshape(-1, self._size) ** 2, axis=1))
        self._rest = audio[whole:]

    @property
    def power(self) -> float:
        """Of what was heard, 1 being that of a square wave of full scale; 0 of silence, and of less than a frame."""
        powers = np.concatenate((*self._powers, np.zeros(0)))
        total = powers.sum()
        if not total:
            return 0.0
        # From the loudest frame down in steps of a quarter decibel: the first threshold that lies the margin below its level.
        for threshold in powers.max() * 10 ** (-0.025 * np.arange(1, 400)):
            level = total / _active(powers >= threshold)
            if level >= threshold * 10 ** (_MARGIN_DB / 10):
                return float(level)
        return float(total / len(powers))


def _active(loud: np.ndarray) -> int:
    """How many frames are loud or follow one that is by no more than the hangover."""
    at = np.arange(len(loud))
    last = np.maximum.accumulate(np.where(loud, at, -_HANGOVER - 1))
    return int(np.count_nonzero(at - last <= _HANGOVER))
