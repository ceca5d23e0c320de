"""Gauss-Newton steps in a trust region: they find minima, stay within bounds, and leave alone what nothing depends on."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.training.least_squares import Descent, Point


def descent(residual, jacobian, start, bound=20.0):
    def cost(place):
        return float(residual(place) @ residual(place))

    def linearised(place):
        r, j = residual(place), jacobian(place)
        return Point(place, float(r @ r), j.T @ r, j.T @ j)

    return Descent(cost, linearised, np.array(start, float), np.full(len(start), bound))


def rosenbrock(start, bound=20.0):
    return descent(
        lambda p: np.array([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]]),
        lambda p: np.array([[-20.0 * p[0], 10.0], [-1.0, 0.0]]),
        start,
        bound,
    )


def test_a_linear_problem_within_reach_takes_one_step():
    matrix = np.random.default_rng(0).standard_normal((9, 3))
    wanted = np.array([0.3, -0.5, 0.7])
    down = descent(lambda p: matrix @ (p - wanted), lambda p: matrix, [0.0, 0.0, 0.0])
    assert down.step() > 0.999_999
    assert np.abs(down.point.place - wanted).max() < 1e-7


def test_a_curved_valley_is_followed_to_its_end_and_cost_only_falls():
    down, before = rosenbrock([-1.2, 1.0]), np.inf
    for _ in range(60):
        assert down.point.cost <= before
        before = down.point.cost
        down.step()
    assert np.abs(down.point.place - 1.0).max() < 1e-6


def test_no_place_outside_the_bounds_is_visited():
    visited = []
    down = descent(lambda p: visited.append(p.copy()) or p - 5.0, lambda p: np.eye(2), [0.0, 0.0], bound=1.5)
    while down.step():
        pass
    assert np.abs(down.point.place - 1.5).max() < 1e-12
    assert max(np.abs(place).max() for place in visited) <= 1.5


def test_what_nothing_depends_on_stays():
    down = descent(lambda p: np.array([p[0] - 2.0, 0.5 * p[0] - 1.0]), lambda p: np.array([[1.0, 0.0], [0.5, 0.0]]), [0.0, 0.7])
    for _ in range(5):
        down.step()
    assert down.point.place == pytest.approx([2.0, 0.7], abs=1e-6)


def test_at_a_minimum_a_step_gains_nothing():
    assert rosenbrock([1.0, 1.0]).step() == 0.0
