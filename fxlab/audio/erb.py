"""The ear's frequency scale: equivalent rectangular bandwidths after Glasberg and Moore (1990)."""

from __future__ import annotations

import numpy as np


def erb_hz(freq_hz: np.ndarray | float) -> np.ndarray | float:
    """Width of the ear's filter at a frequency, in Hz."""
    return 24.7 * (1.0 + 0.00437 * np.asarray(freq_hz, np.float64))


def erb_rate(freq_hz: np.ndarray | float) -> np.ndarray | float:
    """Number of ERBs below a frequency."""
    return 21.4 * np.log10(1.0 + 0.00437 * np.asarray(freq_hz, np.float64))


def frequency_at(erb: np.ndarray | float) -> np.ndarray | float:
    """Inverse of `erb_rate`, in Hz."""
    return (10.0 ** (np.asarray(erb, np.float64) / 21.4) - 1.0) / 0.00437
