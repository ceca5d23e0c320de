"""Fronts against a search over all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fxlab.metrics.pareto import dominators

points = st.lists(st.tuples(*[st.integers(0, 4)] * 2), min_size=1, max_size=12)


@given(points)
def test_dominators_are_all_that_are_nowhere_worse_and_somewhere_better(costs):
    expected = [
        [i for i, one in enumerate(costs) if one != other and all(a <= b for a, b in zip(one, other, strict=True))]
        for other in costs
    ]
    assert dominators(costs) == expected


@given(points)
def test_whatever_is_dominated_is_dominated_by_the_front(costs):
    found = dominators(costs)
    front = {i for i, ahead in enumerate(found) if not ahead}
    assert front and all(front & set(ahead) for ahead in found if ahead)


def test_what_is_not_known_is_compared_with_nothing():
    assert dominators([[1.0, np.nan], [0.0, 0.0], [2.0, 1.0], [np.inf, 1.0]]) == [[], [], [1], [1, 2]]
