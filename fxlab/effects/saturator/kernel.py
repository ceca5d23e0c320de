"""The saturator as compiled loops.

Without oversampling and ADAA, each chunk of the block goes through two loops: the curve, which the compiler vectorises, and the
two filters, whose samples each wait for one fused multiply-add of the sample before.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.saturator.stream import SaturatorStream
from fxlab.effects.shapers_kernel import saturate
from fxlab.effects.shaping_kernel import CHUNK, Shaping

_SILENT = 1e-30  # filter states below this are flushed to zero, far above denormals
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


class Saturator(SaturatorStream):
    """Streaming saturator, compiled by Numba; the filters run in double precision."""

    def _allocate(self) -> None:
        super()._allocate()
        self._state = {"filters": np.zeros((self.channels, 4))}  # last input, DC blocker, low-pass (2)
        self._biquad = self.lowpass == "biquad"
        self._coefficients = _coefficients(self.sections, self.makeup)
        self._steps = np.zeros(CHUNK)
        if self.oversample == 1 and self.antialias == "none":
            self._shaping = None
            still = np.zeros(1, np.float32)
            saturate(still, still, np.float32(0), np.float32(self.shaper.bias), np.float32(0))
            # The offset is what the compiled curve itself makes of the bias, so that silence is exactly 0.
            self._curve = np.float32(self.shaper.gain), np.float32(self.shaper.bias), still[0]
            self._shaped = np.zeros(CHUNK, np.float32)
        else:
            self._shaping = Shaping(self.shaper, self.oversample, self.antialias, self.channels)
            self._state |= self._shaping.state

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        filters = self._state["filters"]
        if self._shaping is None:
            _saturator(block, out, *self._curve, self._shaped, self._biquad, self._coefficients, self._steps, filters)
            return
        for start in range(0, block.shape[1], CHUNK):
            part = slice(start, start + CHUNK)
            shaped, target = self._shaping.run(block[:, part]), out[:, part]
            for channel in range(self.channels):
                _filter(shaped[channel], target[channel], self._biquad, self._coefficients, self._steps, filters[channel])


def _coefficients(sections: np.ndarray, makeup: float) -> np.ndarray:
    """(R, b0, c1, c2, a1, a2): the DC blocker's pole, then the low-pass as in `biquad.run_cascade` times all other gains."""
    (gain, _, _, pole, _), (b0, b1, b2, a1, a2) = sections
    gain *= makeup
    return np.array([-pole, gain * b0, gain * (b1 - a1 * b0), gain * (b2 - a2 * b0), a1, a2])


@njit(**_OPTIONS)
def _saturator(block, out, gain, bias, offset, shaped, steep, coefficients, steps, states):
    for channel in range(block.shape[0]):
        source, target = block[channel], out[channel]
        for start in range(0, len(source), CHUNK):
            stop = min(start + CHUNK, len(source))
            values = shaped[: stop - start]
            saturate(source[start:stop], values, gain, bias, offset)
            _filter(values, target[start:stop], steep, coefficients, steps, states[channel])


@njit(**_OPTIONS)
def _filter(x, y, steep, coefficients, steps, state):
    """DC blocker and low-pass over at most one chunk."""
    frames = len(x)
    # Differences first: inside the recursion they would be one more operation that each sample waits for.
    steps[0] = np.float64(x[0]) - state[0]
    for i in range(1, frames):
        steps[i] = np.float64(x[i]) - np.float64(x[i - 1])
    state[0] = x[frames - 1]
    r, b0, c1, c2, a1, a2 = coefficients
    blocked, s0, s1 = state[1], state[2], state[3]
    if steep:
        for i in range(frames):
            blocked = steps[i] + r * blocked
            y[i] = b0 * blocked + s0
            s0, s1 = (c1 * blocked + s1) - a1 * s0, c2 * blocked - a2 * s0
    else:
        for i in range(frames):
            blocked = steps[i] + r * blocked
            s0 = blocked - a1 * s0
            y[i] = b0 * s0
    state[1] = blocked if abs(blocked) > _SILENT else 0.0
    state[2] = s0 if abs(s0) > _SILENT else 0.0
    state[3] = s1 if abs(s1) > _SILENT else 0.0
