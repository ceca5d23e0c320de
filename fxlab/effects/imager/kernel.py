"""The imager as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.biquad import run_row
from fxlab.effects.compiled import Compiled
from fxlab.effects.imager.stream import ImagerStream
from fxlab.kernels.stages import arguments_at, blocks_at

CHUNK = 256
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


@njit(**_OPTIONS)
def _image(block, out, base, high, sections, registers, side, above):
    channels, frames = block.shape
    for channel in range(channels):
        row, into = block[channel], out[channel]
        for i in range(frames):
            into[i] = row[i] if abs(row[i]) < np.inf else np.float32(0)
    if channels != 2:
        return
    left, right = out[0], out[1]
    for start in range(0, frames, CHUNK):
        count = min(CHUNK, frames - start)
        for i in range(count):
            side[i] = 0.5 * (np.float64(left[start + i]) - np.float64(right[start + i]))
        run_row(side[:count], above[:count], sections, registers)
        for i in range(count):
            change = base * side[i] + high * above[i]
            left[start + i] += change
            right[start + i] -= change


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _image(*blocks_at(at, frames), *arguments_at(at, signature))


class Imager(Compiled, ImagerStream):
    """Streaming imager, compiled by Numba, double precision inside."""

    kernel, play = staticmethod(_image), staticmethod(_play)

    def _allocate(self) -> None:
        super()._allocate()
        rooms = np.zeros(CHUNK), np.zeros(CHUNK)
        self._arguments = self.base, self.high, self.sections, self.registers, *rooms
