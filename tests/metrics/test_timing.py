"""Timing figures against numpy and scipy, and against engines whose cost is known."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fxlab.metrics.timing import LatencyStats, bootstrap_median, bootstrap_percentile, fit_call_cost, histogram, log_edges


def test_stats_are_numpys_and_scipys():
    stats = pytest.importorskip("scipy.stats")
    times = np.random.default_rng(0).lognormal(13, 0.3, (4, 3000)).astype(np.int64)
    found = LatencyStats.of(times, frames=64, rate_hz=48_000)
    seconds = times.ravel() / 1e9
    assert found.blocks == 12_000
    assert (found.mean_s, found.std_s, found.max_s) == pytest.approx((seconds.mean(), seconds.std(), seconds.max()))
    for name, q in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99), ("p999_s", 0.999)):
        assert getattr(found, name) == pytest.approx(stats.mstats.mquantiles(seconds, q, alphap=1, betap=1)[0])
    assert found.mad_s == pytest.approx(stats.median_abs_deviation(seconds))
    assert found.misses == int((seconds > 64 / 48_000).sum())
    assert found.rtf == pytest.approx(seconds.sum() / (12_000 * 64 / 48_000))
    assert found.samples_per_s == pytest.approx(12_000 * 64 / seconds.sum())
    assert found.times_realtime * found.rtf == pytest.approx(1)
    assert found.audio_s == pytest.approx(16)


def test_the_last_percentile_needs_many_blocks():
    assert LatencyStats.of(np.ones(10_000), 1, 1).p999_s is None
    assert LatencyStats.of(np.ones(10_001), 1, 1).p999_s == pytest.approx(1e-9)
    with pytest.raises(ValueError, match="no block"):
        LatencyStats.of(np.empty(0), 1, 1)


def test_bootstrap_covers_the_true_median():
    """95 % intervals of 200 experiments hold the median in most of them (percentile bootstrap is slightly narrow at n = 20)."""
    rng = np.random.default_rng(5)
    held = 0
    for experiment in range(200):
        interval = bootstrap_median(rng.lognormal(0, 1, 20), seed=experiment, resamples=400)
        assert interval.low <= interval.median <= interval.high
        held += interval.low <= 1.0 <= interval.high
    assert 175 <= held <= 199


def test_bootstrap_is_reproducible_and_honest_about_one_run():
    values = np.random.default_rng(1).random(9)
    first, again, other = (bootstrap_median(values, seed=seed, resamples=50) for seed in (4, 4, 5))
    assert first == again != other
    alone = bootstrap_median(np.array([2.0]))
    assert alone.median == 2 and math.isnan(alone.low) and math.isnan(alone.high)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=6), st.sampled_from([0, 50, 95, 99, 99.9, 100]), st.integers(0, 9))
@example([3, 0], 50, 0)
def test_percentiles_of_drawn_runs_are_numpys(lengths, percent, seed):
    """The quick way, without sorting any resample, against pooling and sorting every one."""
    rng = np.random.default_rng(seed)
    runs = [rng.integers(0, 12, length).astype(float) for length in lengths]  # with ties
    if not sum(lengths):
        with pytest.raises(ValueError, match="no values"):
            bootstrap_percentile(runs, percent)
        return
    draws = np.random.default_rng(seed).integers(0, len(runs), (40, len(runs)))
    pools = [np.concatenate([runs[run] for run in draw]) for draw in draws]
    low, high = np.percentile([np.percentile(pool, percent) for pool in pools if pool.size], (2.5, 97.5))
    figure = np.percentile(np.concatenate(runs), percent)
    expected = min(low, figure), max(high, figure)
    assert bootstrap_percentile(runs, percent, seed, resamples=40) == pytest.approx(expected, abs=1e-9)


def test_percentile_interval_belongs_to_the_pooled_figure():
    """One disturbed run in five makes the pooled p99, which the runs' own p99 and any interval of their median don't know of."""
    runs = [np.random.default_rng(i).normal(10 if i else 50, 0.1, 400) for i in range(5)]
    figure = np.percentile(np.concatenate(runs), 99)
    low, high = bootstrap_percentile(runs, 99)
    assert low <= figure <= high
    assert figure > bootstrap_median(np.array([np.percentile(run, 99) for run in runs[1:]])).high


@pytest.mark.parametrize("percent", [50, 99])
def test_percentile_interval_covers_the_truth_where_runs_differ(percent):
    """Values of a run share its disturbance: drawing single values instead of runs would hold the truth far too seldom."""
    rng = np.random.default_rng(percent)
    true = np.percentile(rng.normal(0, 0.1, 1_000_000) + rng.normal(0, 0.2, 1_000_000), percent)
    held = 0
    for experiment in range(200):
        runs = list(rng.normal(0, 0.1, (20, 1)) + rng.normal(0, 0.2, (20, 200)))
        low, high = bootstrap_percentile(runs, percent, experiment)
        held += low <= true <= high
    assert 160 <= held <= 199


def test_percentile_interval_is_reproducible_and_honest_about_one_run():
    runs = list(np.random.default_rng(2).random((6, 50)))
    assert bootstrap_percentile(runs, 99, seed=1) == bootstrap_percentile(runs, 99, seed=1)
    assert all(math.isnan(end) for end in bootstrap_percentile(runs[:1], 99))


@given(st.floats(1e-7, 1e-3), st.floats(1e-9, 1e-6))
def test_call_cost_is_found_exactly_without_noise(call, frame):
    sizes = np.array([1, 64, 512, 2048])
    fit = fit_call_cost(sizes, call + frame * sizes)
    assert (fit.per_call_s, fit.per_frame_s) == pytest.approx((call, frame), rel=1e-6, abs=1e-12)
    assert fit.at(100) == pytest.approx(call + 100 * frame, rel=1e-6)


def test_call_cost_ignores_one_disturbed_size():
    sizes = np.array([1, 2, 4, 8, 16, 32, 64, 128])
    seconds = 1e-5 + 2e-8 * sizes
    seconds[5] *= 30
    fit = fit_call_cost(sizes, seconds)
    assert (fit.per_call_s, fit.per_frame_s) == pytest.approx((1e-5, 2e-8), rel=1e-6)


def test_call_cost_is_never_negative():
    fit = fit_call_cost(np.array([64, 128, 512]), np.array([1e-5, 3e-5, 9e-5]))
    assert fit.per_call_s >= 0 and fit.per_frame_s > 0
    falling = fit_call_cost(np.array([64, 128]), np.array([3e-5, 2e-5]))
    assert falling.per_call_s > 0 and falling.per_frame_s == 0
    assert fit_call_cost(np.array([64, 64]), np.array([1.0, 2.0])) is None


@given(st.lists(st.floats(1e-7, 1.0), min_size=1, max_size=50), st.integers(1, 60))
def test_histogram_drops_nothing(values, bins):
    edges = log_edges(min(values), max(values), bins)
    assert len(edges) == bins + 1 and np.all(np.diff(np.log(edges)) > 0)
    assert histogram(np.array(values), edges).sum() == len(values)
    assert histogram(np.array([1e-12, 1e3]), edges).sum() == 2
