"""Counted durations: bins without gaps, of constant relative width, and percentiles as of the durations themselves."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fxlab.live.histogram_kernel import bin_of
from fxlab.metrics.latency import BINS, coarse, lower_edges_ns, percentiles_s


def test_bins_join_and_grow_by_less_than_a_percent():
    edges = lower_edges_ns()
    widths = np.diff(edges)
    assert (widths > 0).all() and (widths[256:] / edges[256:-1] <= 1 / 128).all()


@given(st.integers(0, 600_000_000_000))
def test_a_duration_lies_in_its_bin(ns):
    edges, found = lower_edges_ns(), bin_of(ns)
    assert edges[found] <= ns < edges[found + 1]


def test_what_is_beyond_goes_to_the_last_bin():
    assert bin_of(10**14) == BINS - 1 and bin_of(-5) == 0


def test_percentiles_are_those_of_the_durations():
    ns = np.random.default_rng(1).lognormal(11, 1.5, 5000).astype(np.int64)
    counts = np.bincount([bin_of(int(x)) for x in ns], minlength=BINS)
    percents = (0, 10, 50, 90, 99, 99.9, 100)
    expected = np.percentile(ns, percents, method="inverted_cdf") * 1e-9
    assert np.allclose(percentiles_s(counts, *percents), expected, rtol=0.008)
    assert percentiles_s(np.zeros(BINS, np.int64), 50) == (0.0,)


def test_coarse_bins_keep_every_count():
    counts = np.zeros(BINS, np.int64)
    counts[[3, 300, 1000, 1001]] = 1, 2, 3, 4
    bins = coarse(counts)
    assert sum(count for _, _, count in bins) == 10
    assert all(low < high == following[0] for (low, high, _), following in zip(bins, bins[1:], strict=False))
    assert coarse(np.zeros(BINS, np.int64)) == []
