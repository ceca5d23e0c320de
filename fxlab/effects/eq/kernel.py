"""The equaliser as a compiled stream."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.biquad import run_row, tail_samples
from fxlab.effects.compiled import Compiled
from fxlab.effects.eq.bands import bands
from fxlab.kernels.stages import arguments_at, blocks_at


@njit(cache=True, nogil=True)
def _equalise(block, out, sections, registers):
    for channel in range(len(block)):
        run_row(block[channel], out[channel], sections, registers[:, channel])


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _equalise(*blocks_at(at, frames), *arguments_at(at, signature))


class Equaliser(Compiled):
    """Streaming equaliser; parameters as declared in `fxlab.effects.eq`. Without latency.

    Its state has an array for each band that is on, by the band's name: where one is switched on, the others go on.
    """

    kernel, play = staticmethod(_equalise), staticmethod(_play)

    def __init__(self, **parameters: float) -> None:
        super().__init__()
        self.parameters = parameters

    def _allocate(self) -> None:
        found = bands(self.parameters, self.sample_rate_hz)
        self.sections = np.array([*found.values()]).reshape(-1, 5)
        self.tail = tail_samples(self.sections)
        self.registers = np.zeros((len(found), self.channels, 2))
        self._state = dict(zip(found, self.registers, strict=True))
        self._arguments = self.sections, self.registers
