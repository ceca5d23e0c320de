"""Up, through a curve, and down again, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.oversampling_kernel import CHUNK, Oversampler, downsample, upsample
from fxlab.effects.shapers import Shaper
from fxlab.effects.shapers_kernel import constants, shape, shape_adaa

__all__ = ["CHUNK", "Shaping", "shaped"]


class Shaping:
    """What `shaped` works on; parameters as of `fxlab.effects.shaping.Shaping`.

    Attributes:
        state: Everything that survives between blocks, by name.
        arguments: What `shaped` takes behind the channel.
    """

    def __init__(self, shaper: Shaper, factor: int, antialias: str, channels: int) -> None:
        self._oversampler, averages = Oversampler(factor, channels), antialias == "adaa1"
        last = np.full(channels, float(shaper.bias))
        self.state = self._oversampler.state | ({"last": last} if averages else {})
        self.arguments = averages, constants(shaper), last, self._oversampler.arguments


@njit(cache=True, nogil=True, error_model="numpy")
def shaped(block, channel, averages, law, last, oversampling):
    """At most `CHUNK` frames of a channel, shaped: float64, until the next call; non-finite samples count as silence."""
    work = upsample(block, channel, *oversampling)
    if averages:
        last[channel] = shape_adaa(work, *law, last[channel])
    else:
        shape(work, *law)
    return downsample(len(block), *oversampling)
