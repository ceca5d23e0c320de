"""Up, through a curve, and down again, compiled."""

from __future__ import annotations

import numpy as np

from fxlab.effects.oversampling_kernel import CHUNK, Oversampler
from fxlab.effects.shapers import Shaper
from fxlab.effects.shapers_kernel import constants, shape, shape_adaa

__all__ = ["CHUNK", "Shaping"]


class Shaping:
    """The compiled `fxlab.effects.shaping.Shaping`, at most `CHUNK` frames a call, without allocating."""

    def __init__(self, shaper: Shaper, factor: int, antialias: str, channels: int) -> None:
        self._constants = constants(shaper)
        self._oversampler = Oversampler(factor, channels)
        self._averages = antialias == "adaa1"
        self.state = dict(self._oversampler.state)
        if self._averages:
            self.state["last"] = np.full(channels, float(shaper.bias))

    def run(self, block: np.ndarray) -> np.ndarray:
        """(channels, frames) to a float64 buffer that the next call reuses; non-finite samples count as silence."""
        work = self._oversampler.up(block)
        for channel in range(len(work)):
            if self._averages:
                last = self.state["last"]
                last[channel] = shape_adaa(work[channel], *self._constants, last[channel])
            else:
                shape(work[channel], *self._constants)
        return self._oversampler.down(work)
