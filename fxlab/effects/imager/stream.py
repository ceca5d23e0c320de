"""What the compiled and the plain imager share: parameters, filter, state."""

from __future__ import annotations

import numpy as np

from fxlab.audio import biquad
from fxlab.effects.processor import Processor


class ImagerStream(Processor):
    """Base of the streaming imagers; parameters as declared in `fxlab.effects.imager`. Without latency.

    The side's change is `base` times the side and `high` times the side above the crossover.
    """

    def __init__(self, *, width: float, low_width: float, crossover_hz: float) -> None:
        super().__init__()
        self.crossover_hz = crossover_hz
        self.base, self.high = float(width * low_width - 1.0), float(width * (1.0 - low_width))

    def _allocate(self) -> None:
        filters = self.channels == 2 and self.high != 0.0
        highpass = biquad.highpass(self.crossover_hz, biquad.BUTTERWORTH_Q, self.sample_rate_hz)
        self.sections = highpass[None] if filters else np.empty((0, 5))
        self.tail = biquad.tail_samples(self.sections, max(1.0, self.high))
        self.registers = np.zeros((len(self.sections), 2))
        self._state = {"highpass": self.registers} if filters else {}
