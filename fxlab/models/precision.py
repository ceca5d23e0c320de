"""Weights rounded for smaller files: float16, or int8 with a scale per output.

Only how weights are stored changes. Whatever plays them computes in float32, so that a rounded network is exactly as fast as
before and its price is error. Biases and scalars stay float32: they are few, and an error in them is heard as DC.

Rounding is a projection: what was rounded once stays as it is when it is rounded again. For int8 that takes scales with short
mantissas, whose products with -127..127 are exact, so that every runtime unfolds the same float32 numbers.
"""

from __future__ import annotations

import numpy as np

from fxlab.errors import UsageError
from fxlab.models.model import Card, Model

PRECISIONS = ("fp32", "fp16", "int8")
_LARGEST = 127  # symmetric: -128 is left out
_SCALE_BITS = 17  # 24 of float32's mantissa, less the 7 of -127..127


def precision_of(card: Card) -> str:
    """The precision that a card states, "fp32" where it states none."""
    stated = card.get("precision")
    return stated if stated in PRECISIONS else "fp32"


def rounded(model: Model, precision: str) -> Model:
    """The network with its weights rounded to one of `PRECISIONS` (float32 again), and a card that says so.

    Raises:
        UsageError: A weight that float16 can't hold, or an ACE.
    """
    if precision == "fp32":
        return model
    if model.config.kind == "ace":
        count = model.config.parameters_count
        raise UsageError(f"An ACE's {count} numbers stay as they are: rounding them saves nothing.", "Leave out --precision.")
    weights = {name: _round(array, precision) if rounds(array, precision) else array for name, array in model.weights.items()}
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise UsageError("The model has weights beyond what float16 can hold.", "Choose --precision int8 or fp32.")
    return Model(model.config, weights, model.card | {"precision": precision})


def rounds(array: np.ndarray, precision: str) -> bool:
    """Whether a weight is rounded: matrices are, those with one value per output not to int8, where the scale would cost more."""
    return precision != "fp32" and array.ndim >= 2 and (precision == "fp16" or array[0].size > 1)


def to_int8(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A weight (outputs, ...) as int8 and float32 scales (outputs, 1, ...), whose product is the rounded weight."""
    peaks = np.abs(weight).max(axis=tuple(range(1, weight.ndim)), keepdims=True).astype(np.float64)
    mantissas, exponents = np.frexp(peaks / _LARGEST)
    scales = np.ldexp(np.rint(np.ldexp(mantissas, _SCALE_BITS)), exponents - _SCALE_BITS).astype(np.float32)
    steps = np.rint(weight / np.where(scales > 0, scales, 1))
    return np.clip(steps, -_LARGEST, _LARGEST).astype(np.int8), scales


def from_int8(steps: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return steps.astype(np.float32) * scales


def _round(array: np.ndarray, precision: str) -> np.ndarray:
    if precision == "int8":
        return from_int8(*to_int8(array))
    with np.errstate(over="ignore"):
        return array.astype(np.float16).astype(np.float32)
