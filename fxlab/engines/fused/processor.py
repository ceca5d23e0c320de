"""What the processors of compiled kernels share: a block is copied in, played by one call, copied out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numba import njit

from fxlab.addresses import table_of
from fxlab.engines.network import NetworkProcessor
from fxlab.models.model import Model

_LARGEST = np.finfo(np.float32).max


@njit
def clean(samples):
    """Non-finite samples become silence, in place: they must not enter a network's memory."""
    for t in range(len(samples)):
        samples[t] = samples[t] if abs(samples[t]) <= _LARGEST else np.float32(0.0)


class FusedProcessor(NetworkProcessor):
    """Base of the fused engines: copies a block in, calls the kernel, copies it out.

    A subclass gives `_kernel`, compiled, which takes the table's address and the number of frames. The table holds the number of
    channels, the dry and the wet block (channel after channel, each as long as the block) and the one-dimensional `_arrays`.
    """

    _kernel: Callable[[int, int], None]

    def __init__(self, model: Model) -> None:
        super().__init__(model.card, model.config.state_shapes(), model.config.controls)

    def _allocate(self) -> None:
        super()._allocate()
        self._wet = np.zeros_like(self._dry)
        self._kept = (self._dry, self._wet, *self._arrays())
        self._table = table_of(self.channels, *self._kept)
        self._at = self._table.ctypes.data
        self._views: dict[tuple[int, ...], list[np.ndarray]] = {}

    @abstractmethod
    def _arrays(self) -> tuple[np.ndarray, ...]:
        """Allocates what the kernel works on, and sets `_state`."""

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        # Views are made the first time a block size occurs: to make them takes half as long as a small network's block.
        views = self._views.get(block.shape)
        if views is None:
            views = self._views[block.shape] = [room[: block.size].reshape(block.shape) for room in (self._dry, self._wet)]
        dry, wet = views
        dry[...] = block
        if self.controls:
            self._heard = True
        self._kernel(self._at, block.shape[1])
        out[...] = wet

    _infer = _run


def aligned(size: int) -> np.ndarray:
    """float32 zeros that begin on a cache line, so that no vector at a multiple of its size straddles two."""
    room = np.zeros(size + 15, np.float32)
    first = -room.ctypes.data // 4 % 16
    return room[first : first + size]
