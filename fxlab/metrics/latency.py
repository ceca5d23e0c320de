"""Counts of durations in bins of constant relative width: any number of durations in constant memory, percentiles within 0.8 %.

The scheme is that of HdrHistogram (Tene, 2012): below 256 ns every nanosecond has its bin, above that every octave has 128.
"""

from __future__ import annotations

import numpy as np

OCTAVE = 128
"""Bins of an octave."""
BINS = 33 * OCTAVE + OCTAVE
"""Bins in all; the last ones hold durations of 9 to 18 minutes, and everything longer."""


def lower_edges_ns() -> np.ndarray:
    """Where each bin begins and, at the end, where the last one ends: int64 (BINS + 1,), nanoseconds."""
    bins = np.arange(BINS + 1, dtype=np.int64)
    octave = np.maximum(bins // OCTAVE - 1, 0)
    edges: np.ndarray = (bins - octave * OCTAVE) << octave
    return edges


_EDGES_S = lower_edges_ns() * 1e-9


def percentiles_s(counts: np.ndarray, *percents: float) -> tuple[float, ...]:
    """The middle of the bin that holds each percentile (0..100), in seconds; 0 where nothing was counted."""
    total = int(counts.sum())
    if not total:
        return (0.0,) * len(percents)
    below = np.cumsum(counts)
    ranks = [min(total, max(1, int(np.ceil(percent / 100 * total)))) for percent in percents]
    bins = np.searchsorted(below, ranks)
    return tuple(float(0.5 * (_EDGES_S[i] + _EDGES_S[i + 1] - 1e-9)) for i in bins)


def coarse(counts: np.ndarray, per_octave: int = 4) -> list[tuple[float, float, int]]:
    """The counts in wider bins, from the first that holds anything to the last: (from, to) in seconds, and how many."""
    width = OCTAVE // per_octave
    sums = counts.reshape(-1, width).sum(axis=1)
    used = np.flatnonzero(sums)
    if not used.size:
        return []
    span = range(int(used[0]), int(used[-1]) + 1)
    return [(float(_EDGES_S[i * width]), float(_EDGES_S[(i + 1) * width]), int(sums[i])) for i in span]
