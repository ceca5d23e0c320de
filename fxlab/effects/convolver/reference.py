"""The convolver in plain NumPy: what the compiled loops and the torch form are compared with."""

from __future__ import annotations

import numpy as np

from fxlab.effects.convolver.stream import ConvolverStream


class ConvolverReference(ConvolverStream):
    """Streaming convolver in NumPy, tap by tap in double precision."""

    def _allocate(self) -> None:
        super()._allocate()
        self._state = {"heard": np.zeros((self.channels, self.taps.shape[1] - 1))}

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        x = np.concatenate([self._state["heard"], np.where(np.isfinite(block), block, 0.0)], axis=1)
        for channel in range(self.channels):
            out[channel] = np.convolve(x[channel], self.taps[channel if len(self.taps) > 1 else 0], mode="valid")
        self._state["heard"][:] = x[:, block.shape[1] :]
