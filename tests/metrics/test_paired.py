from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from fxlab.metrics.paired import paired


def test_interval_is_that_of_another_bootstrap():
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(1.0, 0.4, 25), rng.normal(1.2, 0.4, 25)
    found = paired(ours, theirs, seed=1)
    other = scipy.stats.bootstrap((ours - theirs,), np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert found.mean == pytest.approx(np.mean(ours - theirs))
    assert np.allclose((found.low, found.high), other, atol=0.01)
    assert found == paired(ours, theirs, seed=1)


def test_pairs_count_and_not_how_much_songs_differ():
    songs = np.random.default_rng(0).uniform(0, 100, 12)
    assert paired(songs - 0.1, songs).verdict == "better"
    assert paired(songs + 0.1, songs).verdict == "worse"
    assert paired(songs, songs).verdict == "no difference"
    assert paired(songs + np.tile([-0.1, 0.1], 6), songs).verdict == "no difference"


def test_of_few_pairs_nothing_is_concluded():
    assert paired([1, 1, 1, 1, 1], [2, 2, 2, 2, 2]).verdict == "too few"
    one = paired([1.0], [2.0])
    assert one.mean == -1 and math.isnan(one.low) and one.verdict == "too few"


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0])])
def test_what_are_no_pairs(ours, theirs):
    with pytest.raises(ValueError):
        paired(ours, theirs)
