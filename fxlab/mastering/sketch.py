"""A song in so few numbers that a limiter's effect on its loudness is worked out in milliseconds, whatever the gain.

Of each half millisecond the K-weighted power and the true peak are kept. The limiter is played on the peaks, and the power
multiplied with the square of what it leaves: that takes weighting and gain to be exchangeable, which they are but for what a
filter does within milliseconds.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

from fxlab.audio.loudness import HOPS_PER_SECOND, MOMENTARY_HOPS, WeightedPower, gated_lufs, lufs_of
from fxlab.audio.true_peak import DELAY, TAPS, phases
from fxlab.effects.registry import effect

CELLS_PER_SECOND = 2000
_FACTOR = 4
_NO_CEILING_DB = 600.0


class Sketch:
    """Takes a song block by block. Needs 1 MB per minute.

    Args:
        sample_rate_hz: 8-192 kHz.
        channels: 1 or more.
        channel_map: Loudspeaker of each channel, see `fxlab.audio.loudness.LoudnessMeter`.
    """

    def __init__(self, sample_rate_hz: int, channels: int, channel_map: Sequence[int] | None = None) -> None:
        self._rate, self._channels = sample_rate_hz, channels
        self._weighted = WeightedPower(sample_rate_hz, channels, channel_map, CELLS_PER_SECOND)
        self._past, self._current = np.zeros((channels, TAPS + 1), np.float32), np.zeros(1, np.float32)
        self._clock = np.array([-DELAY, 0], np.int64)
        self._powers, self._peaks = array("f"), array("f")

    def add(self, block: np.ndarray) -> None:
        """Takes finite float32 audio (channels, n)."""
        self._powers.frombytes(self._weighted.add(block).astype(np.float32).tobytes())
        self._add_peaks(block)

    def _add_peaks(self, block: np.ndarray) -> None:
        from fxlab.mastering.sketch_kernel import envelope

        block = np.ascontiguousarray(block, np.float32)
        cells = np.empty(block.shape[1] * CELLS_PER_SECOND // self._rate + 2, np.float32)
        state = self._past, self._rate, CELLS_PER_SECOND, self._clock, self._current, cells
        ended = envelope(block, phases(_FACTOR), *state)
        self._peaks.frombytes(cells[:ended].tobytes())

    def end(self) -> None:
        """After the last block: what was waiting for more is taken in."""
        self._add_peaks(np.zeros((self._channels, DELAY), np.float32))
        self.powers, self.peaks = (np.frombuffer(values, np.float32) for values in (self._powers, self._peaks))
        self.peaks = self.peaks[: len(self.powers)]
        self.true_peak_db = _decibels(max(float(self.peaks.max(initial=0.0)), float(self._current[0])))

    def lufs(self, gain_db: float = 0.0, ceiling_db: float = _NO_CEILING_DB) -> float:
        """Loudness after a gain and a limiter: integrated, or that of the whole where nothing passes the gates.

        Returns:
            LUFS; -inf for digital silence.
        """
        from fxlab.mastering.sketch_kernel import limited

        gain = 10.0 ** (gain_db / 20)
        threshold = 10.0 ** ((ceiling_db - gain_db) / 20)
        per_hop = CELLS_PER_SECOND // HOPS_PER_SECOND
        hops = np.empty(len(self.powers) // per_hop)
        mean = limited(self.peaks, self.powers, gain, threshold, *_limiter(), per_hop, hops)
        gated = gated_lufs(hops) if len(hops) >= MOMENTARY_HOPS else -math.inf
        return gated if math.isfinite(gated) else float(lufs_of(mean))


def _limiter() -> tuple[int, tuple[int, int, int], float, float]:
    """The default limiter in cells: how far it looks ahead, its boxes, what its followers keep."""
    values = effect("limiter").resolve({})
    span = max(3, round(values["lookahead_ms"] * 1e-3 * CELLS_PER_SECOND))
    release = values["release_ms"] * 1e-3 * CELLS_PER_SECOND
    third = (span + 2) // 3
    return span, (span + 2 - 2 * third, third, third), math.exp(-3.0 / release), math.exp(-1.0 / (3.0 * release))


def _decibels(level: float) -> float:
    return 20 * math.log10(level) if level > 0 else -math.inf
