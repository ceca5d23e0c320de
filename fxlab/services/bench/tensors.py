"""The memory torch takes for one block: every tensor made while it runs, for as long as it lives."""

from __future__ import annotations

import numpy as np
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fxlab.effects.processor import Processor


class _Watch(TorchDispatchMode):
    """Sees every operator, inside TorchScript too, and adds up the storages that are alive after it."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        out = operator(*args, **(kwargs or {}))
        given = {tensor.untyped_storage()._cdata for tensor in _tensors((args, kwargs))}
        for tensor in _tensors(out):
            storage = tensor.untyped_storage()
            if storage._cdata not in given and storage._cdata not in self._alive:
                self._alive[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return out


def peak_bytes(processor: Processor, frames: int) -> int:
    """Most bytes of tensors alive at one time while a prepared torch processor runs a mono block of `frames`.

    Weights and the state arrays aren't counted, new states are; scratch memory inside an operator isn't seen.
    """
    block = np.zeros((1, frames), np.float32)
    with _Watch() as watch:
        processor.process(block, np.empty_like(block))
    return watch.peak


def _tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]
