"""Counting of durations in the bins of `fxlab.metrics.latency`, compiled."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import pointer
from fxlab.metrics.latency import BINS, OCTAVE


@njit(nogil=True)
def bin_of(ns):
    """The bin of a duration in nanoseconds."""
    octave, rest = 0, max(ns, 0)
    while rest >= 2 * OCTAVE:
        rest >>= 1
        octave += 1
    return min(octave * OCTAVE + rest, BINS - 1)


@njit(nogil=True)
def count(counts, ns):
    """Adds a duration to the int64 counts at an address."""
    carray(pointer(counts), (BINS,), np.int64)[bin_of(ns)] += 1
