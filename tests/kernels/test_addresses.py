"""Values that threads hand each other by their address."""

from __future__ import annotations

import threading

import numpy as np
from numba import njit

from fxlab.kernels.addresses import exchange, table_at


@njit(nogil=True)
def _give(at, first, count):
    """Hands on numbers; the sum of those that nobody had taken when the next one came."""
    left = 0
    for number in range(first, first + count):
        left += exchange(at, number)
    return left


@njit(nogil=True)
def _take(at, over):
    taken = 0
    while not table_at(over, 1)[0]:
        taken += exchange(at, 0)
    return taken + exchange(at, 0)


def test_every_number_is_taken_or_given_back_once():
    place, over, taken = np.zeros(1, np.int64), np.zeros(1, np.int64), []
    _give(place.ctypes.data, 0, 1)
    over[0] = 1
    assert _take(place.ctypes.data, over.ctypes.data) == 0
    over[0] = 0
    thread = threading.Thread(target=lambda: taken.append(_take(place.ctypes.data, over.ctypes.data)))
    thread.start()
    left = _give(place.ctypes.data, 1, 300_000)
    over[0] = 1
    thread.join()
    assert left + taken[0] == sum(range(1, 300_001))
