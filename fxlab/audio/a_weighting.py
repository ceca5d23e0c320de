"""How the ear weighs frequencies (IEC 61672-1, A)."""

from __future__ import annotations

import numpy as np


def a_weights(hertz: np.ndarray) -> np.ndarray:
    """What the A-weighting makes of the power at each frequency: 1 at 1 kHz, 0 at 0 Hz."""
    return _response(np.asarray(hertz, np.float64)) / _response(np.array(1000.0))


def _response(hertz: np.ndarray) -> np.ndarray:
    # IEC 61672-1:2013, annex E: poles at 20.6, 107.7, 737.9 and 12,194 Hz.
    square = hertz**2
    amplitude = 12194.217**2 * square**2 / ((square + 20.598997**2) * (square + 12194.217**2))
    return amplitude**2 / ((square + 107.65265**2) * (square + 737.86223**2))
