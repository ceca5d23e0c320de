"""Vectors do in many places at once what NumPy does one by one."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from fxlab.kernels.vectors import OPTIONS, address, clamp, clamp_or_nan, constant, load, spread, store


def combiner(lanes):
    @njit(**OPTIONS)
    def combine(a, b, out):
        for r in range(len(a)):
            for j in range(0, a.shape[1], lanes):
                x, y = load(a, (r, j), lanes), load(b, (r, j), lanes)
                store(out, (0, r, j), x + y)
                store(out, (1, r, j), x - y)
                store(out, (2, r, j), x * y)
                store(out, (3, r, j), x / y)
                store(out, (4, r, j), 1.0 - x * 2.0 + spread(b, (r, 1), lanes))
                store(out, (5, r, j), clamp_or_nan(x, constant(-0.5, lanes), 0.5))
                store(out, (6, r, j), clamp(x, -0.5, 0.5))

    return combine


COMBINERS = {lanes: combiner(lanes) for lanes in (8, 16)}


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((3, 32)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("lanes", COMBINERS)
def test_arithmetic_is_that_of_numpy(lanes):
    a, b = arrays()
    out = np.zeros((7, *a.shape), np.float32)
    COMBINERS[lanes](a, b, out)
    bounded = np.clip(a, -0.5, 0.5)
    expected = a + b, a - b, a * b, a / b, 1 - a * 2 + b[:, 1:2], bounded, bounded
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("lanes", COMBINERS)
def test_any_alignment_and_strides_will_do(lanes):
    a, b = arrays()
    wide = np.zeros((6, 35), np.float32)
    wide[::2, 1:-2] = a
    straight, odd = np.zeros((7, *a.shape), np.float32), np.zeros((7, 3, 33), np.float32)[:, :, 1:]
    COMBINERS[lanes](a, b, straight)
    COMBINERS[lanes](wide[::2, 1:-2], b, odd)
    assert np.array_equal(straight, odd)


def test_spread_reads_transposed_arrays():
    @njit(**OPTIONS)
    def run(a, out):
        for r in range(len(a)):
            store(out, (r, 0), spread(a, (r, 2), 8))

    a, _ = arrays()
    out = np.zeros((32, 8), np.float32)
    run(a.T, out)
    assert np.array_equal(out, np.repeat(a[2][:, None], 8, axis=1))


def test_pointers_numbers_and_tuples_mean_the_same_elements():
    @njit(**OPTIONS)
    def run(a, out):
        store(out, 0, load(a, 33, 8))
        store(address(out, 8), 0, load(address(a, (1, 0)), 1, 8))
        store(address(out, 0), 16, load(a, (1, 1), 8))

    a, _ = arrays()
    out = np.zeros(24, np.float32)
    run(a, out)
    assert np.array_equal(out, np.tile(a[1, 1:9], 3))


def test_clamps_differ_for_nan():
    a, b = arrays()
    a[1, 3] = np.nan
    out = np.zeros((7, *a.shape), np.float32)
    COMBINERS[8](a, b, out)
    assert np.isnan(out[5, 1, 3]) and np.isfinite(np.delete(out[5].ravel(), 35)).all()
    assert out[6, 1, 3] == -0.5


@pytest.mark.parametrize("wrong", [np.zeros((4, 16)), np.zeros((16, 4), np.float32).T])
def test_doubles_and_numbers_into_strided_arrays_are_refused(wrong):
    @njit(**OPTIONS)
    def run(a):
        store(a, 0, load(a, 0, 8))

    with pytest.raises(TypingError):
        run(wrong)
