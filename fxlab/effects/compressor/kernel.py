"""The compressor as compiled loops, double precision inside."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.kernel_math import exp, log
from fxlab.effects.compiled import Compiled
from fxlab.effects.compressor.curve import FLOOR, bend
from fxlab.effects.compressor.stream import SILENT, CompressorStream
from fxlab.kernels.stages import arguments_at, blocks_at

CHUNK = 256
_DB = 20.0 / np.log(10.0)
_NEPER = 1.0 / _DB
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(**_OPTIONS)
def _compress(block, out, linked, curve, times, shape, excess, room):
    channels, frames = block.shape
    for first in range(0, channels, linked):
        source, target = block[first : first + linked], out[first : first + linked]
        for start in range(0, frames, CHUNK):
            stop = min(start + CHUNK, frames)
            values = room[: stop - start]
            _peaks(source[:, start:stop], values)
            _exceed(values, *curve)
            _follow(values, *times, excess[first])
            _factors(values, *shape)
            _apply(source[:, start:stop], target[:, start:stop], values)
        for channel in range(first + 1, first + linked):
            excess[channel, 0], excess[channel, 1] = excess[first, 0], excess[first, 1]


@njit(**_OPTIONS)
def _peaks(source, values):
    """The loudest channel's size, sample by sample; what is not a number counts as silence."""
    for i in range(len(values)):
        values[i] = FLOOR
    for channel in range(len(source)):
        row = source[channel]
        for i in range(len(values)):
            size = abs(np.float64(row[i]))
            size = size if size < np.inf else 0.0
            values[i] = size if size > values[i] else values[i]


@njit(**_OPTIONS)
def _exceed(values, threshold_db, knee_db, bend):
    """From amplitudes to excesses in dB, in place."""
    for i in range(len(values)):
        over = _DB * log(values[i]) - threshold_db
        bent = over + 0.5 * knee_db
        bent = bent if bent > 0.0 else 0.0
        bent = bent if bent < knee_db else knee_db
        above = over - 0.5 * knee_db
        values[i] = bent * bent * bend + (above if above > 0.0 else 0.0)


@njit(**_OPTIONS)
def _follow(values, rise, fall, excess):
    """Smooths excesses in place."""
    held, smooth = excess
    for i in range(len(values)):
        now = values[i]
        falling = fall * held + (1.0 - fall) * now
        held = now if now > falling else falling
        smooth = rise * smooth + (1.0 - rise) * held
        values[i] = smooth
    excess[0] = held if held > SILENT else 0.0
    excess[1] = smooth if smooth > SILENT else 0.0


@njit(**_OPTIONS)
def _factors(values, slope, makeup_db, mix):
    """From smoothed excesses to factors, in place."""
    for i in range(len(values)):
        values[i] = mix * (exp(_NEPER * (makeup_db - slope * values[i])) - 1.0) + 1.0


@njit(**_OPTIONS)
def _apply(source, target, factors):
    for channel in range(len(source)):
        row, into = source[channel], target[channel]
        for i in range(len(factors)):
            x = np.float64(row[i])
            into[i] = (x if abs(x) < np.inf else 0.0) * factors[i]


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    _compress(*blocks_at(at, frames), *arguments_at(at, signature))


class Compressor(Compiled, CompressorStream):
    """Streaming compressor, compiled by Numba."""

    kernel, play = staticmethod(_compress), staticmethod(_play)

    def _allocate(self) -> None:
        super()._allocate()
        curve = self.threshold_db, self.knee_db, bend(self.knee_db)
        shape = self.slope, self.makeup_db, self.mix
        self._arguments = self.linked, curve, (self.rise, self.fall), shape, self._state["excess"], np.zeros(CHUNK)
