"""The clipper as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.clipper.stream import ClipperStream
from fxlab.effects.compiled import Compiled
from fxlab.effects.shapers import HARD
from fxlab.effects.shapers_kernel import clip
from fxlab.effects.shaping_kernel import CHUNK, Shaping, shaped
from fxlab.kernels.stages import arguments_at, blocks_at


class Clipper(Compiled, ClipperStream):
    """Streaming clipper, compiled by Numba."""

    def _allocate(self) -> None:
        super()._allocate()
        if self.shaper.kind == HARD and self.oversample == 1 and self.antialias == "none":
            self.kernel, self.play = _clamp, _play_clamp
            self._arguments = tuple(np.float32(value) for value in (self.shaper.knee, self.shaper.gain, self.makeup))
        else:
            self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
            self.kernel, self.play = _clip, _play_clip
            self._arguments, self._state = (self.makeup, self._shaping.arguments), self._shaping.state


@njit(cache=True, nogil=True, error_model="numpy")
def _clamp(block, out, ceiling, gain, makeup):
    for channel in range(len(block)):
        clip(block[channel], out[channel], ceiling, gain, makeup)


@njit(cache=True, nogil=True, error_model="numpy")
def _clip(block, out, makeup, shaping):
    frames = block.shape[1]
    for channel in range(len(block)):
        for start in range(0, frames, CHUNK):
            stop = min(start + CHUNK, frames)
            values, target = shaped(block[channel, start:stop], channel, *shaping), out[channel, start:stop]
            for i in range(len(values)):
                target[i] = makeup * values[i]


@njit(cache=True, nogil=True)
def _play_clamp(at, frames, signature):
    _clamp(*blocks_at(at, frames), *arguments_at(at, signature))


@njit(cache=True, nogil=True)
def _play_clip(at, frames, signature):
    _clip(*blocks_at(at, frames), *arguments_at(at, signature))
