"""The saturator as compiled loops.

Without oversampling and ADAA, each chunk of the block goes through two loops while it is in the fastest cache: the curve, which
the compiler vectorises, and the filters, four segments side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.compiled import Compiled
from fxlab.effects.processor import State
from fxlab.effects.saturator.filters import Filters, run_filters
from fxlab.effects.saturator.stream import SaturatorStream
from fxlab.effects.shapers_kernel import saturate
from fxlab.effects.shaping_kernel import CHUNK, Shaping, shaped
from fxlab.kernels.stages import arguments_at, blocks_at


class Saturator(Compiled, SaturatorStream):
    """Streaming saturator, compiled by Numba; the filters run in double precision."""

    def _allocate(self) -> None:
        super()._allocate()
        self._state = {"blocker": np.zeros((self.channels, 2)), "lowpass": np.zeros((self.channels, 2))}
        filtering = Filters(self.sections, self.makeup, CHUNK).arguments, *self._state.values()
        if self.oversample == 1 and self.antialias == "none":
            gain, bias, zero = np.float32(self.shaper.gain), np.float32(self.shaper.bias), np.zeros(1, np.float32)
            still = np.zeros(1, np.float32)
            saturate(zero, still, gain, bias, np.float32(0))
            # The offset is what the compiled curve itself makes of the bias, so that silence is exactly 0.
            self.kernel, self.play = _saturate, _play
            self._arguments = gain, bias, still[0], np.zeros(CHUNK, np.float32), *filtering
        else:
            self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
            self.kernel, self.play = _saturate_smoothly, _play_smoothly
            self._arguments = self._shaping.arguments, *filtering
            self._state |= self._shaping.state

    def heritage(self) -> State:
        own = dict(self._state)
        return own | {f"lowpass@{self.lowpass}": own.pop("lowpass")}


@njit(cache=True, nogil=True, error_model="numpy")
def _saturate(block, out, gain, bias, offset, values, filters, blockers, lowpasses):
    for channel in range(block.shape[0]):
        source, target = block[channel], out[channel]
        for start in range(0, len(source), CHUNK):
            stop = min(start + CHUNK, len(source))
            part = values[: stop - start]
            saturate(source[start:stop], part, gain, bias, offset)
            run_filters(part, target[start:stop], *filters, blockers[channel], lowpasses[channel])


@njit(cache=True, nogil=True, error_model="numpy")
def _saturate_smoothly(block, out, shaping, filters, blockers, lowpasses):
    for channel in range(block.shape[0]):
        source, target = block[channel], out[channel]
        for start in range(0, len(source), CHUNK):
            stop = min(start + CHUNK, len(source))
            part = shaped(source[start:stop], channel, *shaping)
            run_filters(part, target[start:stop], *filters, blockers[channel], lowpasses[channel])


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _saturate(*blocks_at(at, frames), *arguments_at(at, signature))


@njit(cache=True, nogil=True)
def _play_smoothly(at, frames, signature):
    _saturate_smoothly(*blocks_at(at, frames), *arguments_at(at, signature))
