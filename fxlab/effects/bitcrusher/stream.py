"""What the compiled and the plain bitcrusher share: parameters, state, latency.

Smoothing the steps of a reduced rate delays by one sample, ADAA by half a sample, at the rate at which it is computed;
declared latencies count whole samples of the audio only.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from fxlab.effects import oversampling
from fxlab.effects.bitcrusher import dither as noise
from fxlab.effects.bitcrusher.quantiser import Quantiser
from fxlab.effects.processor import Processor

_CHUNK = 512  # base-rate frames at once when oversampled


class Bitcrusher(Processor):
    """Base of the streaming bitcrushers; `_crush` does the work at the (over)sampled rate."""

    oversampler: type
    """`Oversampler` in its compiled or plain form."""

    def __init__(
        self,
        *,
        bits: float,
        rate_hz: float,
        dither: str,
        antialias: str,
        oversample: int,
    ) -> None:
        super().__init__()
        self.bits = bits
        self.rate_hz = rate_hz
        self.oversample = oversample
        self.quantiser = Quantiser(bits)
        self.dithered = dither == "tpdf"
        self.smooths = antialias != "none"
        self.averages = antialias == "adaa1"
        self.stream = 0

    def number_noise(self, first: int) -> int:
        self.stream = first
        return first + self.dithered

    def _allocate(self) -> None:
        self.reduces = self.rate_hz < self.sample_rate_hz
        self.clock_hz = float(self.oversample * self.sample_rate_hz)
        self._keys = noise.keys(self.channels, self.stream)
        self._state = {
            "counters": np.zeros(2, np.int64),  # samples done, instants of the reduced rate done
            "previous": np.zeros(self.channels),  # last sample, in steps where the rate isn't reduced
            "held": np.zeros(self.channels),
            "pending": np.zeros(self.channels),  # the sample that the next step may still change
        }
        held = math.ceil(self.sample_rate_hz / self.rate_hz) if self.reduces else 0
        delay = int(self.reduces and self.smooths)
        held += delay  # the last step down is spread over the sample after it as well
        self.latency = delay // self.oversample
        self.tail = held + max(delay, int(self.averages))
        if self.oversample > 1:
            self._oversampler = self.oversampler(self.oversample, self.channels)
            self._state |= self._oversampler.state
            self.latency += oversampling.latency(self.oversample)
            self.tail += oversampling.tail(self.oversample)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        if self.oversample == 1:
            self._crush(block, out)
            return
        for start in range(0, block.shape[1], _CHUNK):
            piece = slice(start, start + _CHUNK)
            work = self._oversampler.up(block[:, piece])
            self._crush(work, work)
            out[:, piece] = self._oversampler.down(work)

    @abstractmethod
    def _crush(self, block: np.ndarray, out: np.ndarray) -> None:
        """Crushes one block at the rate at which it is computed.

        Samples are taken in float32 even where the oversampler offers more: its rounding errors then can't tip a value that
        stands exactly between two levels.
        """
