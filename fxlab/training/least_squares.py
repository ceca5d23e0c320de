"""Nonlinear least squares for a handful of parameters: Gauss-Newton steps within a trust region.

The region is a ball in the unconstrained parameters, not scaled by how much each matters (More 1978 does scale): what the data
say nothing of then stays where it is instead of running off to an end of its range.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_RADIUS, _LARGEST, _SMALLEST = 1.5, 4.0, 1e-4
_DAMPING = 1e-11  # of the largest eigenvalue, at least: directions below it are rounding


@dataclass(frozen=True)
class Point:
    """A place and what is known there.

    Args:
        place: (n,).
        cost: Sum of the squared residuals.
        slope: (n,), J^T r.
        curvature: (n, n), J^T J.
    """

    place: np.ndarray
    cost: float
    slope: np.ndarray
    curvature: np.ndarray


class Descent:
    """Goes downhill step by step.

    Args:
        cost: Place to sum of squared residuals.
        linearised: Place to `Point`, which costs as much as n costs.
        start: Place to begin at.
        bounds: (n,), the largest size of each parameter.
    """

    def __init__(
        self,
        cost: Callable[[np.ndarray], float],
        linearised: Callable[[np.ndarray], Point],
        start: np.ndarray,
        bounds: np.ndarray,
    ) -> None:
        self._cost, self._linearised, self._bounds = cost, linearised, bounds
        self.point = linearised(start)
        self.radius = _RADIUS

    def step(self) -> float:
        """Moves to a better place; the share by which the cost fell, 0 where no better one was found."""
        point = self.point
        values, vectors = np.linalg.eigh(point.curvature)
        values, slope = np.maximum(values, 0.0), vectors.T @ point.slope
        while self.radius > _SMALLEST:
            step = vectors @ -(slope / (values + _damping(values, slope, self.radius)))
            step = np.clip(point.place + step, -self._bounds, self._bounds) - point.place
            cost = self._cost(point.place + step)
            expected = -(2.0 * point.slope @ step + step @ point.curvature @ step)
            gained = (point.cost - cost) / max(expected, 1e-300)
            if gained > 0.75:
                self.radius = min(2.0 * self.radius, _LARGEST)
            elif not gained > 0.25:
                self.radius = 0.4 * min(self.radius, float(np.linalg.norm(step)))
            if cost < point.cost:
                self.point = self._linearised(point.place + step)
                return 1.0 - cost / point.cost
        return 0.0


def _damping(values: np.ndarray, slope: np.ndarray, radius: float) -> float:
    """What has to be added to the eigenvalues for a step no longer than `radius`."""
    least, most = max(_DAMPING * values.max(), 1e-300), 1e4 * max(values.max(), 1e-296)
    if np.linalg.norm(slope / (values + least)) <= radius:
        return least
    for _ in range(60):
        middle = np.sqrt(least * most)
        longer = np.linalg.norm(slope / (values + middle)) > radius
        least, most = (middle, most) if longer else (least, middle)
    return most
