"""The clipper as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.clipper.stream import ClipperStream
from fxlab.effects.shapers import HARD
from fxlab.effects.shapers_kernel import clip
from fxlab.effects.shaping_kernel import CHUNK, Shaping


class Clipper(ClipperStream):
    """Streaming clipper, compiled by Numba."""

    def _allocate(self) -> None:
        super()._allocate()
        self._shaping = None
        if self.shaper.kind == HARD and self.oversample == 1 and self.antialias == "none":
            self._clamp = tuple(np.float32(value) for value in (self.shaper.knee, self.shaper.gain, self.makeup))
        else:
            self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
            self._state = self._shaping.state

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        if self._shaping is None:
            for channel in range(self.channels):
                clip(block[channel], out[channel], *self._clamp)
            return
        for start in range(0, block.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            shaped, target = self._shaping.run(block[:, part]), out[:, part]
            for channel in range(self.channels):
                _scale(shaped[channel], target[channel], self.makeup)


@njit(cache=True, nogil=True)
def _scale(x, out, gain):
    """out = gain x, from float64 to float32: NumPy would allocate a buffer for the conversion."""
    for i in range(len(x)):
        out[i] = gain * x[i]
