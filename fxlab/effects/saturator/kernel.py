"""The saturator as compiled loops.

Without oversampling and ADAA, each chunk of the block goes through two loops while it is in the fastest cache: the curve, which
the compiler vectorises, and the filters, four segments side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.saturator.filters import Filters, run_filters
from fxlab.effects.saturator.stream import SaturatorStream
from fxlab.effects.shapers_kernel import saturate
from fxlab.effects.shaping_kernel import CHUNK, Shaping


class Saturator(SaturatorStream):
    """Streaming saturator, compiled by Numba; the filters run in double precision."""

    def _allocate(self) -> None:
        super()._allocate()
        self._filters = Filters(self.sections, self.makeup, CHUNK).arguments
        self._state = {"filters": np.zeros((self.channels, 4))}
        if self.oversample == 1 and self.antialias == "none":
            self._shaping = None
            gain, bias, zero = np.float32(self.shaper.gain), np.float32(self.shaper.bias), np.zeros(1, np.float32)
            still = np.zeros(1, np.float32)
            saturate(zero, still, gain, bias, np.float32(0))
            # The offset is what the compiled curve itself makes of the bias, so that silence is exactly 0.
            self._curve = gain, bias, still[0]
            self._shaped = np.zeros(CHUNK, np.float32)
        else:
            self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
            self._state |= self._shaping.state

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        state = self._state["filters"]
        if self._shaping is None:
            _saturator(block, out, *self._curve, self._shaped, self._filters, state)
            return
        for start in range(0, block.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            shaped, target = self._shaping.run(block[:, part]), out[:, part]
            for channel in range(self.channels):
                run_filters(shaped[channel], target[channel], *self._filters, state[channel])


@njit(cache=True, nogil=True, error_model="numpy")
def _saturator(block, out, gain, bias, offset, shaped, filters, states):
    for channel in range(block.shape[0]):
        source, target = block[channel], out[channel]
        for start in range(0, len(source), CHUNK):
            stop = min(start + CHUNK, len(source))
            values = shaped[: stop - start]
            saturate(source[start:stop], values, gain, bias, offset)
            run_filters(values, target[start:stop], *filters, states[channel])
