"""The clipper in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.effects.clipper.stream import ClipperStream
from fxlab.effects.shaping import Shaping


class ClipperReference(ClipperStream):
    """Streaming clipper in NumPy, double precision inside."""

    def _allocate(self) -> None:
        super()._allocate()
        self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
        self._state = self._shaping.state

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        out[:] = self.makeup * self._shaping.run(block)
