"""The equaliser as a compiled stream."""

from __future__ import annotations

import numpy as np

from fxlab.audio.biquad import run_cascade, tail_samples
from fxlab.effects.eq.bands import sections
from fxlab.effects.processor import Processor


class Equaliser(Processor):
    """Streaming equaliser; parameters as declared in `fxlab.effects.eq`. Without latency."""

    def __init__(self, **parameters: float) -> None:
        super().__init__()
        self.parameters = parameters

    def _allocate(self) -> None:
        self.sections = sections(self.parameters, self.sample_rate_hz)
        self.tail = tail_samples(self.sections)
        self._state = {"registers": np.zeros((self.channels, len(self.sections), 2))}

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        run_cascade(block, out, self.sections, self._state["registers"])
