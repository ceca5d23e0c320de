"""Figures of counted durations (`fxlab.metrics.latency`): of all of them, and of those of the last seconds."""

from __future__ import annotations

import time

import numpy as np

from fxlab.live.snapshot import Times
from fxlab.metrics.latency import coarse, percentiles_s

_RECENT_S, _APART_S = 3.0, 0.25


class Recent:
    """Looks at counts now and then, and tells what was counted in the last seconds; for any thread."""

    def __init__(self) -> None:
        self._copies: list[tuple[float, np.ndarray]] = []

    def times(self, counting: np.ndarray, longest_ns: int) -> Times:
        """What was counted since a copy of the counts that is about three seconds old.

        Args:
            counting: The counts, which go on meanwhile and may have begun anew.
            longest_ns: The longest of all durations.
        """
        now, counts = time.monotonic(), counting.copy()
        copies = [copy for copy in self._copies if (copy[1] <= counts).all()]  # none from before they began anew
        if not copies or now - copies[-1][0] > _APART_S:
            copies.append((now, counts))
        while len(copies) > 2 and now - copies[1][0] > _RECENT_S:
            copies.pop(0)
        self._copies = copies  # as a whole, since several threads may be here
        since = counts - copies[0][1]
        if not since.any():
            return times_of(counts, longest_ns)
        return times_of(since, round(1e9 * percentiles_s(since, 100)[0]))


def times_of(counts: np.ndarray, longest_ns: int) -> Times:
    """The figures of counted durations; the bins' width doesn't take percentiles beyond the longest."""
    longest_s = longest_ns * 1e-9
    p50, p99, p999 = (min(float(value), longest_s) for value in percentiles_s(counts, 50, 99, 99.9))
    return Times(int(counts.sum()), p50, p99, p999, longest_s)


def mean_s(counts: np.ndarray) -> float:
    """The mean duration in seconds, 0 where nothing was counted."""
    bins = coarse(counts, 128)
    total = sum(count for _, _, count in bins)
    return sum(0.5 * (low + high) * count for low, high, count in bins) / total if total else 0.0
