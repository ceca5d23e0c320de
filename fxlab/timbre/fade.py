"""How harmonics fade out towards half the sample rate: one shape for all; kernel and ONNX graph have it unrolled."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Values = TypeVar("Values", "np.ndarray", "Tensor")

FADE_FROM = 0.9
"""Share of half the rate from which on they fade out; at half the rate they are gone."""


def fade(share: Values) -> Values:
    """Gain of a harmonic at a share of half the rate: 1 up to `FADE_FROM`, 0 from 1 on, smooth between."""
    x = ((share - FADE_FROM) / (1 - FADE_FROM)).clip(0, 1)
    return 1 - x * x * (3 - 2 * x)
