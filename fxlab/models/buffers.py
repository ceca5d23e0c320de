"""Large arrays that are used again: to touch fresh memory for the first time costs more than to compute in it."""

from __future__ import annotations

import weakref
from itertools import accumulate
from math import prod

import numpy as np

_LIMIT = 1 << 26  # numbers that are kept while nobody uses them: 256 MiB
_spare: dict[int, list[np.ndarray]] = {}


def take(owner: object, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Float32 arrays with any contents, which others get once `owner` is gone; no view of them may outlive that.

    They are cut out of one array, since NumPy asks for large pages of memory from 4 MiB on.
    """
    ends = list(accumulate(map(prod, shapes)))
    try:
        array = _spare[ends[-1]].pop()
    except (KeyError, IndexError):
        array = np.empty(ends[-1], np.float32)
    weakref.finalize(owner, _give_back, array).atexit = False
    return [array[end - prod(shape) : end].reshape(shape) for shape, end in zip(shapes, ends, strict=True)]


def _give_back(array: np.ndarray) -> None:
    if sum(size * len(arrays) for size, arrays in list(_spare.items())) + array.size > _LIMIT:
        _spare.clear()
    _spare.setdefault(array.size, []).append(array)
