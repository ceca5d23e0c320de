"""The levels a signal is rounded to, for any word length, whole or fractional.

A step is 1 / L of full scale with L = 2^(bits - 1). A sample x becomes the level n / L nearest to it, ties going to the even n
(mid-tread: 0 stays 0, the staircase is odd). Codes n run from -N to N with N = L rounded half to even, and levels beyond +-1
are clamped to +-1, so that the error never exceeds half a step anywhere in -1..1. That makes

    2 N + 1 levels: 2^bits + 1 for whole bits (3 at one bit, 257 at eight),

one more than two's complement, which has no +1. Where L isn't whole, the outermost level is N / L or 1, whichever is smaller.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quantiser:
    """The staircase for one word length.

    Args:
        bits: Word length, 1..24.

    Attributes:
        scale: L, steps per unit.
        top: N, the highest code.
        ceiling: The outermost level in steps, min(N, L); below N only where L isn't whole.
    """

    bits: float

    @property
    def scale(self) -> float:
        return 2.0 ** (self.bits - 1)

    @property
    def top(self) -> float:
        return float(np.rint(self.scale))

    @property
    def ceiling(self) -> float:
        return min(self.top, self.scale)

    @property
    def level_count(self) -> int:
        """How many different values come out for inputs in -1..1."""
        return 2 * int(self.top) + 1

    def quantise(self, steps: np.ndarray) -> np.ndarray:
        """Level (full scale 1) of each value given in steps; float64, any shape."""
        return np.clip(self._codes(steps), -self.ceiling, self.ceiling) / self.scale

    def mean(self, start: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Mean of the staircase over each segment between two values in steps: first-order antiderivative anti-aliasing.

        The antiderivative of the staircase in steps is F(u) = n u - n^2 / 2, n = rint(u), and the mean is its difference
        quotient (Bilbao et al., "Antiderivative Antialiasing for Memoryless Nonlinearities", IEEE SPL 2017). It's evaluated
        here as the sum of the treads that the segment crosses, a convex combination of levels, which loses no precision on
        short segments.
        """
        low, high = np.minimum(start, end), np.maximum(start, end)
        first, last = self._codes(low), self._codes(high)
        area = first * (first + 0.5 - low) + last * (high - last + 0.5) + 0.5 * (last * (last - 1) - first * (first + 1))
        excess = self.top - self.ceiling
        area -= excess * np.maximum(high - (self.top - 0.5), 0.0)
        area += excess * np.maximum(0.5 - self.top - low, 0.0)
        flat = first == last
        length = np.where(flat, 1.0, high - low)
        return np.where(flat, self.quantise(start), area / length / self.scale)

    def _codes(self, steps: np.ndarray) -> np.ndarray:
        return np.rint(np.clip(steps, -self.top, self.top))
