"""Compiled activation functions against NumPy in double precision, over all that float32 can hold."""

import numpy as np
import pytest
from numba import float32, njit

from fxlab.kernels import approximations
from fxlab.kernels.approximations import leaky_relu, saturating_sigmoid, saturating_tanh, tanh
from fxlab.kernels.vectors import OPTIONS, address, load, store


def inputs():
    """Every size up to 1e30 and, densely, where the curves bend."""
    sizes = np.concatenate((np.geomspace(1e-30, 1e30, 200_000), np.linspace(0, 20, 2_000_001), [8.1, 16, 3.4e38]))
    return np.concatenate((sizes, -sizes)).astype(np.float32)


def loop(function):
    @njit(**OPTIONS)
    def run(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    x = inputs()
    y = np.empty_like(x)
    run(x, y)
    return x.astype(np.float64), y


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)


@pytest.mark.parametrize(
    "name, reference, bound",
    [
        ("tanh", np.tanh, 3e-7),
        ("sigmoid", sigmoid, 2e-7),
        ("saturating_tanh", np.tanh, 4e-7),
        ("saturating_sigmoid", sigmoid, 3e-7),
        ("relu", lambda x: np.maximum(x, 0), 0),
        ("hard_tanh", lambda x: np.clip(x, -1, 1), 0),
        ("silu", lambda x: x * sigmoid(x), 3e-7),
        ("softsign", lambda x: x / (1 + np.abs(x)), 1e-7),
        ("hard_swish", lambda x: x * np.clip(x + 3, 0, 6) / 6, 3e-7),
    ],
)
def test_errors_are_within_their_bounds(name, reference, bound):
    x, y = loop(getattr(approximations, name))
    assert np.max(np.abs(y - reference(x)) / np.maximum(1, np.abs(x) if name in ("silu", "hard_swish") else 1)) <= bound


def test_exp():
    x, y = loop(approximations.exp)
    np.testing.assert_allclose(y, np.exp(np.clip(x, -87, 87)), rtol=2e-7)


def test_leaky_relu():
    @njit(**OPTIONS)
    def run(x, y, slope):
        for i in range(len(x)):
            y[i] = leaky_relu(x[i], slope)

    x = inputs()
    y = np.empty_like(x)
    run(x, y, np.float32(0.01))
    np.testing.assert_array_equal(y, np.where(x > 0, x, np.float32(0.01) * x))


def test_tanh_is_odd_exact_at_small_sizes_and_never_exceeds_one():
    x, y = loop(tanh)
    assert np.array_equal(y[: len(y) // 2], -y[len(y) // 2 :])
    assert np.max(np.abs(y)) <= 1
    small = (np.abs(x) < 1e-3) & (np.abs(x) > 1e-30)
    assert np.max(np.abs(y[small] / np.tanh(x[small]) - 1)) < 4e-7


def test_the_saturating_ones_are_exact_far_from_zero_and_carry_nan():
    x, y = loop(saturating_tanh)
    assert np.array_equal(y[np.abs(x) > 9.2], np.sign(x[np.abs(x) > 9.2]))
    x, y = loop(saturating_sigmoid)
    assert np.array_equal(y[np.abs(x) > 18.4], x[np.abs(x) > 18.4] > 0)

    @njit(**OPTIONS)
    def run(x):
        return saturating_tanh(x), saturating_sigmoid(x)

    assert np.isnan(run(np.float32(np.nan))).all()


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "saturating_tanh", "saturating_sigmoid"])
def test_vectors_and_numbers_agree_to_the_last_bit(name):
    function = getattr(approximations, name)

    @njit(**OPTIONS)
    def run(x, y):
        at, to = address(x, 0), address(y, 0)
        for i in range(0, len(x), 16):
            store(to, i, function(load(at, i, 16)))

    x = inputs()
    x = x[: len(x) // 16 * 16]
    y = np.empty_like(x)
    run(x, y)
    assert np.array_equal(y, loop(function)[1][: len(x)])


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "saturating_sigmoid", "relu", "hard_tanh", "silu", "softsign", "hard_swish"])
def test_nothing_becomes_float64(name):
    function = getattr(approximations, name)

    @njit(**OPTIONS)
    def once(x):
        return function(x)

    once(np.float32(0.5))
    (signature,) = once.nopython_signatures
    assert signature.return_type == float32
    (code,) = once.inspect_llvm().values()
    _, compiled, *wrappers = code.split("\ndefine ")
    assert "float" in compiled and "double" not in compiled
