"""What the processors of compiled kernels share: a block is copied in, played by one call, copied out."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable

import numpy as np
from numba import njit, types

from fxlab.effects.processor import State
from fxlab.engines.network import NetworkProcessor
from fxlab.kernels.addresses import table_of
from fxlab.kernels.stages import Stage, address_of, arguments_at, blocks_at, call_kernel, stage_of
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
        weights = b"".join(model.weights[name].tobytes() for name in sorted(model.weights))
        self._network = hashlib.blake2b(repr(model.config).encode() + weights, digest_size=8).hexdigest()

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

    def compiled(self) -> Stage:
        """As of every processor; knobs that are set from now on move there, as while it plays."""
        self._heard = True
        kernel = address_of(self._kernel, types.intp, types.intp)
        return stage_of(_play, (kernel, self._at, self._dry, self._wet), self.channels, self.max_block, self)

    def heritage(self) -> State:
        return {f"{name}@{self._network}": array for name, array in self._state.items()}


@njit(cache=True, nogil=True)
def _play(at, frames, signature):
    block, out = blocks_at(at, frames)
    kernel, table, dry, wet = arguments_at(at, signature)
    for channel in range(len(block)):
        for t in range(frames):
            dry[channel * frames + t] = block[channel, t]
    call_kernel(kernel, table, frames)
    for channel in range(len(block)):
        for t in range(frames):
            out[channel, t] = wet[channel * frames + t]


def aligned(size: int) -> np.ndarray:
    """float32 zeros that begin on a cache line, so that no vector at a multiple of its size straddles two."""
    room = np.zeros(size + 15, np.float32)
    first = -room.ctypes.data // 4 % 16
    return room[first : first + size]
