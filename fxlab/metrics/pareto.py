"""Which of several choices another one beats in every respect (Pareto 1896)."""

from __future__ import annotations

import numpy as np


def dominators(costs: np.ndarray) -> list[list[int]]:
    """For every point those that are nowhere worse and somewhere better; points without any make up the Pareto front.

    Args:
        costs: Shape (points, criteria), smaller is better. A point with a NaN is compared with none.
    """
    costs = np.asarray(costs, dtype=np.float64)
    no_worse = (costs[:, None] <= costs[None]).all(axis=-1)
    better = (costs[:, None] < costs[None]).any(axis=-1)
    return [np.flatnonzero(column).tolist() for column in np.transpose(no_worse & better)]
