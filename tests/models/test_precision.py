"""Rounded weights: as torch rounds them, exact on any runtime, and rounded once for all."""

import numpy as np
import pytest
import torch

from fxlab.errors import UsageError
from fxlab.models.model import Model
from fxlab.models.precision import PRECISIONS, from_int8, precision_of, rounded, rounds, to_int8
from fxlab.models.stack_config import recurrent


def drawn(*shape, spread=1.0, seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * spread).astype(np.float32)


def model(**changes):
    config = recurrent("lstm", 8)
    weights = {name: drawn(*shape, seed=i) for i, (name, shape) in enumerate(config.weight_shapes().items())}
    return Model(config, weights | changes, {"seed": 3})


@pytest.mark.parametrize("shape", [(16, 8, 3), (64, 16), (3, 1)])
@pytest.mark.parametrize("spread", [1e-30, 1e-3, 1.0, 1e30])
def test_int8_is_what_torch_makes_of_these_scales(shape, spread):
    weight = drawn(*shape, spread=spread)
    steps, scales = to_int8(weight)
    zeros = torch.zeros(shape[0], dtype=torch.int32)
    tensors = torch.tensor(weight), torch.tensor(scales.reshape(-1)), zeros
    expected = torch.fake_quantize_per_channel_affine(*tensors, 0, -127, 127)
    assert (
        steps.dtype == np.int8 and np.abs(steps).max() == 127 and (np.abs(steps.reshape(shape[0], -1)).max(axis=1) == 127).all()
    )
    np.testing.assert_array_equal(from_int8(steps, scales), expected.numpy())


def test_products_with_the_scales_are_exact():
    """So that no runtime can unfold other weights: in float64 nothing is left to round."""
    steps, scales = to_int8(drawn(200, 12, spread=0.3))
    np.testing.assert_array_equal(from_int8(steps, scales).astype(np.float64), steps * scales.astype(np.float64))


@pytest.mark.parametrize("precision", PRECISIONS)
def test_rounding_again_changes_nothing(precision):
    once = rounded(model(), precision)
    twice = rounded(once, precision)
    assert precision_of(once.card) == precision_of(twice.card) == precision
    for name, array in once.weights.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, twice.weights[name])


@pytest.mark.parametrize(("precision", "bound"), [("fp16", 2**-11), ("int8", 0.5 / 127 * (1 + 2**-16))])
def test_no_weight_is_off_by_more_than_half_a_step(precision, bound):
    source = model()
    for name, array in rounded(source, precision).weights.items():
        original = source.weights[name]
        if not rounds(original, precision):
            np.testing.assert_array_equal(array, original)
            continue
        of = np.abs(original) if precision == "fp16" else np.abs(original).max(axis=1, keepdims=True)
        assert (np.abs(array - original) <= bound * of).all()


def test_biases_scalars_and_what_would_not_shrink_stay():
    assert not any(rounds(np.zeros(shape), p) for shape in ((), (9,)) for p in PRECISIONS)
    assert not rounds(np.zeros((9, 1, 1)), "int8") and rounds(np.zeros((9, 1, 1)), "fp16") and rounds(np.zeros((9, 2)), "int8")
    source = model()
    assert rounded(source, "fp32") is source and "precision" not in source.card


def test_rows_of_zeros_and_of_the_smallest_numbers_stay_finite():
    weight = np.array([[0, 0, 0], [1e-45, 0, -1e-45], [1e-38, -1e-39, 0]], np.float32)
    restored = from_int8(*to_int8(weight))
    assert np.isfinite(restored).all() and np.abs(restored - weight).max() <= 1e-40


def test_weights_that_float16_cannot_hold_are_refused():
    huge = model(**{"layers.0.weight_hh": np.full((32, 8), 7e4, np.float32)})
    with pytest.raises(UsageError, match="float16"):
        rounded(huge, "fp16")
    assert np.isfinite(rounded(huge, "int8").weights["layers.0.weight_hh"]).all()


def test_cards_that_state_nonsense_are_of_full_precision():
    assert precision_of({"precision": "int3"}) == precision_of({"precision": [1]}) == precision_of({}) == "fp32"
