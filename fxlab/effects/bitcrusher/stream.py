"""What the compiled and the plain bitcrusher share: parameters, state, latency.

Smoothing the steps of a reduced rate delays by one sample, ADAA by half a sample, at the rate at which it is computed;
declared latencies count whole samples of the audio only.
"""

from __future__ import annotations

import math

import numpy as np

from fxlab.effects import oversampling
from fxlab.effects.bitcrusher import dither as noise
from fxlab.effects.bitcrusher.quantiser import Quantiser
from fxlab.effects.processor import Processor, State


class Bitcrusher(Processor):
    """Base of the streaming bitcrushers; parameters as declared in `fxlab.effects.bitcrusher`.

    Samples are taken in float32 even where the oversampler offers more: its rounding errors then can't tip a value that stands
    exactly between two levels.

    Attributes:
        oversampler: `Oversampler` in its compiled or plain form.
    """

    oversampler: type

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
        self._oversampler = self.oversampler(self.oversample, self.channels)
        self._state |= self._oversampler.state
        if self.oversample > 1:
            self.latency += oversampling.latency(self.oversample)
            self.tail += oversampling.tail(self.oversample)

    def heritage(self) -> State:
        # Instants that were counted at one rate lie elsewhere at another: to catch up could take minutes, or to wait for them.
        own = dict(self._state)
        counters, previous = own.pop("counters"), own.pop("previous")
        clock = f"{self.rate_hz}x{self.oversample}" if self.reduces else f"x{self.oversample}"
        return own | {f"counters@{clock}": counters, "previous" if self.reduces else f"previous@{self.bits}": previous}
