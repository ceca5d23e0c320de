"""The saturator in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.audio.biquad import reference_cascade
from fxlab.effects.saturator.stream import SaturatorStream
from fxlab.effects.shaping import Shaping


class SaturatorReference(SaturatorStream):
    """Streaming saturator in NumPy, double precision inside."""

    def _allocate(self) -> None:
        super()._allocate()
        self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
        self._state = {**self._shaping.state, "filters": np.zeros((self.channels, len(self.sections), 2))}

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        shaped = self._shaping.run(block)
        filtered, self._state["filters"][:] = reference_cascade(shaped, self.sections, self._state["filters"])
        out[:] = self.makeup * filtered
