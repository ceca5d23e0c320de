"""The bitcrusher in plain NumPy, a block at a time: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.effects.bitcrusher import dither, stream
from fxlab.effects.oversampling import Oversampler


class Bitcrusher(stream.Bitcrusher):
    """Streaming bitcrusher in NumPy; parameters as declared in `fxlab.effects.bitcrusher`."""

    oversampler = Oversampler

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        work = self._oversampler.up(np.where(np.isfinite(block), block, 0.0))
        with np.errstate(over="ignore"):  # the oversampler may overshoot what float32 holds
            single = work.astype(np.float32)
        x = np.where(np.isfinite(single), single, 0.0).astype(np.float64)
        out[:] = self._oversampler.down(self._hold(x) if self.reduces else self._staircase(x))

    def _in_steps(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Samples in steps, dithered unless they are digital silence."""
        steps = x * self.quantiser.scale
        if self.dithered:
            steps += np.where(np.abs(x) > dither.SILENT, dither.tpdf(self._keys[:, None], index.astype(np.uint64)), 0.0)
        return steps

    def _staircase(self, x: np.ndarray) -> np.ndarray:
        state, frames = self._state, x.shape[1]
        steps = self._in_steps(x, state["counters"][0] + np.arange(frames))
        before = np.concatenate([state["previous"][:, None], steps[:, :-1]], axis=1)
        state["previous"][:] = steps[:, -1]
        state["counters"][0] += frames
        return self.quantiser.mean(before, steps) if self.averages else self.quantiser.quantise(steps)

    def _hold(self, x: np.ndarray) -> np.ndarray:
        state, frames = self._state, x.shape[1]
        start, k = state["counters"]
        ks = k + np.arange(int(frames * self.rate_hz / self.clock_hz) + 2)
        instants = ks * self.clock_hz / self.rate_hz
        due = instants <= start + frames - 1
        ks, instants = ks[due], instants[due]

        at = np.ceil(instants).astype(np.int64)  # the first sample at or after each instant
        since = at - instants
        at -= start
        line = np.concatenate([state["previous"][:, None], x], axis=1)
        sampled = line[:, at + 1] + since * (line[:, at] - line[:, at + 1])
        levels = np.concatenate([state["held"][:, None], self.quantiser.quantise(self._in_steps(sampled, ks))], axis=1)
        held = levels[:, np.searchsorted(at, np.arange(frames), side="right")]

        state["counters"][:] = start + frames, k + len(ks)
        state["previous"][:], state["held"][:] = x[:, -1], levels[:, -1]
        if not self.smooths:
            return held
        steps = np.diff(levels)
        line = np.concatenate([state["pending"][:, None], held], axis=1)
        for channel in range(len(line)):
            np.add.at(line[channel], at, 0.5 * since**2 * steps[channel])
            np.add.at(line[channel], at + 1, -0.5 * (1.0 - since) ** 2 * steps[channel])
        state["pending"][:] = line[:, -1]
        return line[:, :-1]
