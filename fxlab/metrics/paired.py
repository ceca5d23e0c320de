"""Whether one way of doing something beats another on the same material, in a figure that had better be small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
FEWEST = 6
"""Of fewer pairs nothing is concluded: five differences of one sign come about by chance too often (1 in 16)."""


@dataclass(frozen=True)
class Difference:
    """Mean of ours minus theirs, and its 95 % confidence interval.

    Attributes:
        low, high: NaN where one pair can't give an interval.
        pairs: How many there were.
    """

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def verdict(self) -> str:
        """What the interval says: better, worse, no difference; or that there are too few pairs to tell."""
        if self.pairs < FEWEST:
            return "too few"
        return "better" if self.high < 0 else "worse" if self.low > 0 else "no difference"


def paired(
    ours: Sequence[float], theirs: Sequence[float], seed: int = 0, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Difference:
    """Percentile bootstrap over the pairs (Efron & Tibshirani 1993), reproducible by its seed.

    Like any bootstrap of few pairs the interval is somewhat too narrow: of a dozen normal differences it holds the mean in 91 %.

    Args:
        ours, theirs: A figure for each item, in the same order; less is better.

    Raises:
        ValueError: No pairs, or not as many of one as of the other.
    """
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if differences.ndim != 1 or not differences.size or len(ours) != len(theirs):
        raise ValueError("expected as many of ours as of theirs, and at least one")
    mean = float(differences.mean())
    if differences.size < 2:
        return Difference(mean, math.nan, math.nan, 1)
    draws = np.random.default_rng(seed).integers(0, differences.size, (resamples, differences.size))
    low, high = np.percentile(differences[draws].mean(axis=1), (50 - 50 * confidence, 50 + 50 * confidence))
    return Difference(mean, float(low), float(high), differences.size)
