"""What the compiled and the plain bitcrusher share: parameters, state, latency."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from fxlab.effects.bitcrusher import dither as noise
from fxlab.effects.bitcrusher.quantiser import Quantiser
from fxlab.effects.processor import Processor


class Bitcrusher(Processor):
    """Base of the streaming bitcrushers; `_crush` does the work at the (over)sampled rate."""

    def __init__(
        self,
        bits: float = 8.0,
        rate_hz: float = 192_000.0,
        dither: str = "none",
        antialias: str = "polyblep",
        oversample: int = 1,
    ) -> None:
        super().__init__()
        self.bits = bits
        self.rate_hz = rate_hz
        self.oversample = oversample
        self.quantiser = Quantiser(bits)
        self.dithered = dither == "tpdf"
        self.smooths = antialias != "none"
        self.averages = antialias == "adaa"

    def _allocate(self) -> None:
        self.reduces = self.rate_hz < self.sample_rate_hz
        self.clock_hz = float(self.oversample * self.sample_rate_hz)
        self._keys = noise.keys(self.channels)
        self._state = {
            "counters": np.zeros(2, np.int64),  # samples done, instants of the reduced rate done
            "previous": np.zeros(self.channels),  # last sample, in steps where the rate isn't reduced
            "held": np.zeros(self.channels),
            "pending": np.zeros(self.channels),  # the sample that the next step may still change
        }
        self.latency = int(self.reduces and self.smooths)
        self.tail = self.latency + (math.ceil(self.clock_hz / self.rate_hz) if self.reduces else int(self.averages))

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        self._crush(block, out)

    @abstractmethod
    def _crush(self, block: np.ndarray, out: np.ndarray) -> None:
        """Crushes one block at the rate at which it is computed."""
