"""Figures of counted durations."""

from __future__ import annotations

import numpy as np

from fxlab.metrics.latency import _EDGES_S
from fxlab.services.live.times import times_of


def test_no_percentile_is_beyond_the_longest():
    counts = np.zeros(len(_EDGES_S) - 1, np.int64)
    place = len(counts) // 2
    counts[place] = 7
    longest_ns = round(1e9 * _EDGES_S[place]) + 1  # at the bottom of its bin, whose middle is later
    times = times_of(counts, longest_ns)
    assert times.blocks == 7
    assert times.p50_s == times.p99_s == times.p999_s == times.max_s == longest_ns * 1e-9
