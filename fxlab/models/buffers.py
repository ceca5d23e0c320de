"""Large arrays that are used again: to touch fresh memory for the first time costs more than to compute in it."""

from __future__ import annotations

import weakref
from math import prod

import numpy as np

_LIMIT = 1 << 26  # numbers that are kept while nobody uses them: 256 MiB
_spare: dict[int, list[np.ndarray]] = {}


def take(owner: object, shape: tuple[int, ...]) -> np.ndarray:
    """A float32 array with any contents, which others get once `owner` is gone; no view of it may outlive that."""
    size = prod(shape)
    try:
        array = _spare[size].pop()
    except (KeyError, IndexError):
        array = np.empty(size, np.float32)
    weakref.finalize(owner, _give_back, array).atexit = False
    return array.reshape(shape)


def _give_back(array: np.ndarray) -> None:
    if sum(size * len(arrays) for size, arrays in list(_spare.items())) + array.size > _LIMIT:
        _spare.clear()
    _spare.setdefault(array.size, []).append(array)
