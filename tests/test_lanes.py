"""Lanes do in eight places at once what NumPy does one by one."""

import numpy as np
from numba import njit

from fxlab.lanes import LANES, OPTIONS, clamp, constant, load, spread, store


@njit(**OPTIONS)
def combine(a, b, out):
    for r in range(len(a)):
        for j in range(0, a.shape[1], LANES):
            x, y = load(a, (r, j)), load(b, (r, j))
            store(out, (0, r, j), x + y)
            store(out, (1, r, j), x - y)
            store(out, (2, r, j), x * y)
            store(out, (3, r, j), x / y)
            store(out, (4, r, j), 1.0 - x * 2.0 + spread(b, (r, 1)))
            store(out, (5, r, j), clamp(x, constant(0.5)))


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((3, 2 * LANES)).astype(np.float32) for _ in range(2)]


def test_arithmetic_is_that_of_numpy():
    a, b = arrays()
    out = np.zeros((6, *a.shape), np.float32)
    combine(a, b, out)
    expected = a + b, a - b, a * b, a / b, 1 - a * 2 + b[:, 1:2], np.clip(a, -0.5, 0.5)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)


def test_any_alignment_will_do():
    a, b = arrays()
    wide = np.zeros((3, 2 * LANES + 3), np.float32)
    wide[:, 1:-2] = a
    straight, odd = np.zeros((6, *a.shape), np.float32), np.zeros((6, 3, 2 * LANES + 1), np.float32)[:, :, 1:]
    combine(a, b, straight)
    combine(wide[:, 1:-2], b, odd)
    assert np.array_equal(straight, odd)


def test_clamp_lets_nan_through():
    a, b = arrays()
    a[1, 3] = np.nan
    out = np.zeros((6, *a.shape), np.float32)
    combine(a, b, out)
    assert np.isnan(out[5, 1, 3]) and np.isfinite(np.delete(out[5].ravel(), 2 * LANES + 3)).all()
