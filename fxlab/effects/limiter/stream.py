"""What the compiled and the plain limiter share: parameters, latency, state, and what is told of the reduction."""

from __future__ import annotations

import math

import numpy as np

from fxlab.audio.true_peak import DELAY, TAPS
from fxlab.effects.processor import Processor, State

FACTOR = 4
"""Values of the waveform that are looked at per sample."""
UNITS = 2**30
"""Reductions are counted in as many parts of 1."""
SILENT = 1e-7
"""A reduction below this, 0.000001 dB, is none."""
MARGIN = 0.01
"""For what the moving gain adds between the samples: at 9 dB of reduction 0.06 dB, which is about what is seen to be needed."""
INTERVAL = 1024
"""Frames per value of the recorded reduction."""


class LimiterStream(Processor):
    """Base of the streaming limiters; parameters as declared in `fxlab.effects.limiter`.

    Attributes:
        recorded: Frames of input whose reduction is to be recorded; to be set before `prepare`.
    """

    def __init__(self, *, gain_db: float, ceiling_db: float, lookahead_ms: float, release_ms: float, link: float) -> None:
        super().__init__()
        self.gain, self.ceiling = 10.0 ** (gain_db / 20.0), 10.0 ** (ceiling_db / 20.0)
        self.lookahead_ms, self.release_ms, self.link = lookahead_ms, release_ms, float(link)
        self.recorded = 0

    def _allocate(self) -> None:
        self.threshold = self.ceiling / self.gain
        span = max(3, round(self.lookahead_ms * 1e-3 * self.sample_rate_hz))
        self.boxes = (span + 2 - (span + 2) // 3 * 2, (span + 2) // 3, (span + 2) // 3)
        self.span = span
        self.whole = math.prod(self.boxes) * UNITS  # what adds up to a reduction of 1
        self.latency = self.tail = DELAY + span - 1
        release = self.release_ms * 1e-3 * self.sample_rate_hz
        self.fast, self.slow = math.exp(-3.0 / release), math.exp(-1.0 / (3.0 * release))
        self.past = max(self.latency, TAPS + 1)
        rows = 1 if self.link == 1.0 else self.channels
        self._state = {
            "dry": np.zeros((self.channels, self.past), np.float32),
            "levels": np.zeros((rows, span), np.float32),
            "follower": np.zeros((rows, 2)),
            "sums": np.zeros((rows, 3), np.int64),
            "sum_line": np.zeros((rows, sum(self.boxes)), np.int64),
            "clock": np.array([-self.latency], np.int64),
            "least": np.ones(1),
            "record": np.ones(-(-self.recorded // INTERVAL)),
        }

    @property
    def reduction_db(self) -> float:
        """The largest reduction since it was last at rest, 0 or more."""
        return _decibels(self._state["least"])[0].item()

    def reductions_db(self) -> np.ndarray:
        """The largest reduction in each `INTERVAL` frames of the input, as far as they are `recorded`."""
        return _decibels(self._state["record"])

    def heritage(self) -> State:
        told = ("clock", "least", "record")
        return {
            name if name == "follower" else f"{name}@{self.span}": array
            for name, array in self._state.items()
            if name not in told
        }


def _decibels(gain: np.ndarray) -> np.ndarray:
    return 20.0 * np.log10(1.0 / np.maximum(gain, 1e-30))
