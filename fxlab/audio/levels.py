"""How loud audio is: sample peak and integrated loudness, measured while it passes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio.loudness import LoudnessMeter


@dataclass(frozen=True)
class Levels:
    """Levels of a whole file.

    Attributes:
        peak_db: Largest sample in dB of full scale, -inf for silence.
        lufs: Integrated loudness, -inf for what is silent or shorter than 0.4 s.
    """

    peak_db: float = -math.inf
    lufs: float = -math.inf


class LevelMeter:
    """Takes audio block by block; any split gives the same levels.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        channel_map: Loudspeaker of each channel, see `LoudnessMeter`.
    """

    def __init__(self, sample_rate_hz: int, channels: int, channel_map: Sequence[int] | None = None) -> None:
        self._loudness = LoudnessMeter(sample_rate_hz, channels, channel_map)
        self._peak = 0.0

    def add(self, block: np.ndarray) -> None:
        """Measures finite float32 audio (channels, n)."""
        if block.shape[1]:
            self._peak = max(self._peak, float(block.max()), -float(block.min()))
            self._loudness.add(block)

    def levels(self) -> Levels:
        """The levels of all audio so far."""
        return Levels(20 * math.log10(self._peak) if self._peak else -math.inf, self._loudness.integrated())
