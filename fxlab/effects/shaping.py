"""Up, through a curve, and down again: what every non-linear effect does, here as a NumPy stream."""

from __future__ import annotations

import numpy as np

from fxlab.effects import oversampling
from fxlab.effects.shapers import Shaper, adaa, curve


def latency(factor: int) -> int:
    """Whole samples of delay; first-order ADAA adds half a sample of the working rate, which isn't counted."""
    return oversampling.latency(factor)


def tail(factor: int, antialias: str) -> int:
    """Samples until the output is silent again after the input is."""
    return oversampling.tail(factor) + (antialias == "adaa1")


class Shaping:
    """Streams f(gain x + bias) - f(bias) at `factor` times the sample rate.

    Args:
        shaper: The curve.
        factor: 1, 2, 4 or 8.
        antialias: "none" or "adaa1".
        channels: Rows of the audio.

    Attributes:
        state: Everything that survives between blocks, by name.
    """

    def __init__(self, shaper: Shaper, factor: int, antialias: str, channels: int) -> None:
        self._shaper = shaper
        self._oversampler = oversampling.Oversampler(factor, channels)
        self._averages = antialias == "adaa1"
        self.state = dict(self._oversampler.state)
        if self._averages:
            self.state["last"] = np.full(channels, float(shaper.bias))

    def run(self, block: np.ndarray) -> np.ndarray:
        """(channels, frames) of any float type to float64; non-finite samples count as silence."""
        law = self._shaper
        x = np.where(np.isfinite(block), block, 0.0).astype(np.float64)
        t = law.gain * self._oversampler.up(x) + law.bias
        if self._averages:
            before = np.concatenate([self.state["last"][:, None], t[:, :-1]], axis=1)
            self.state["last"][:] = t[:, -1]
            y = adaa(np, law.kind, before, t, law.knee, law.span)
        else:
            y = curve(np, law.kind, t, law.knee, law.span)
        return self._oversampler.down(y - law.offset)
