"""The compressor's static curve, and how its times become coefficients."""

from __future__ import annotations

import math

import numpy as np

FLOOR = 1e-10
"""Amplitudes below this (-200 dB of full scale) count as it."""


def excess_db(level_db: np.ndarray, threshold_db: float, knee_db: float) -> np.ndarray:
    """By how much levels exceed the threshold: 0 below the knee, a parabola in it, the difference above it; same shape."""
    over = np.asarray(level_db) - threshold_db
    bent = np.clip(over + 0.5 * knee_db, 0.0, knee_db)
    return bent * bent * bend(knee_db) + np.maximum(over - 0.5 * knee_db, 0.0)


def gain_db(level_db: np.ndarray, threshold_db: float, ratio: float, knee_db: float) -> np.ndarray:
    """Gain, 0 or less, that a steady peak level gets before make-up; same shape."""
    return -(1.0 - 1.0 / ratio) * excess_db(level_db, threshold_db, knee_db)


def bend(knee_db: float) -> float:
    """Factor of the knee's square, 0 where there is no knee."""
    return 0.5 / knee_db if knee_db > 0.0 else 0.0


def kept(time_ms: float, rate_hz: float) -> float:
    """Share of a distance that a one-pole keeps from sample to sample, so that 37 % are left after `time_ms`."""
    return math.exp(-1000.0 / (time_ms * rate_hz))
