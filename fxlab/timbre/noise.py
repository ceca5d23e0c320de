"""The synthesizer's noise: what white noise becomes through a filter of zero phase that changes from frame to frame.

A frame's filter has one magnitude per band. Its impulse response is the cosine series of the magnitudes under a Hann window, so
that neighbouring bands blend into each other. Between two frames the two filters' outputs are crossfaded with a raised cosine.
"""

from __future__ import annotations

import math

import numpy as np

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.oscillators import frames_at


def taps_of(config: InstrumentConfig, rate_hz: int) -> int:
    """Samples of an impulse response from its middle to one end, the middle included."""
    return math.ceil(config.bands * rate_hz / config.sample_rate_hz)


def design(config: InstrumentConfig, rate_hz: int) -> np.ndarray:
    """What turns magnitudes into impulse responses at a rate: (bands, taps) float64, from the middle to one end.

    Magnitudes of 1 everywhere leave the standard deviation of white noise at 1, at `rate_hz` above the instrument's rate too,
    where all above half the instrument's rate is silent. Bands above half of `rate_hz` are left out.
    """
    reach = config.bands * rate_hz / config.sample_rate_hz
    centres = (np.arange(config.bands) + 0.5) / reach
    taps = np.arange(taps_of(config, rate_hz))
    window = 0.5 + 0.5 * np.cos(math.pi * taps / reach)
    level = math.sqrt(rate_hz / config.sample_rate_hz) / reach
    return level * np.where(centres < 1, 1.0, 0.0)[:, None] * np.cos(math.pi * centres[:, None] * taps) * window


def filtered(config: InstrumentConfig, rate_hz: int, magnitudes: np.ndarray, white: np.ndarray) -> np.ndarray:
    """White noise through the filters of frames, from the first to the last, in float64: what faster ones are measured against.

    Args:
        rate_hz: Of the output.
        magnitudes: (frames, config.bands).
        white: Samples from `taps_of(...) - 1` before the first frame to as many behind the last.

    Returns:
        (samples,) float64.
    """
    edges, late = frames_at(config, rate_hz, 0, len(magnitudes) - 1)
    reach = taps_of(config, rate_hz) - 1
    sides = magnitudes @ design(config, rate_hz)
    whole = np.concatenate([sides[:, :0:-1], sides], axis=1)
    out = np.empty(edges[-1])
    for frame, start in enumerate(late):
        near = white[edges[frame] : edges[frame + 1] + 2 * reach].astype(np.float64)
        before, after = (np.convolve(near, whole[frame + i], "valid") for i in range(2))
        u = start + np.arange(len(before)) * (config.sample_rate_hz / (config.hop * rate_hz))
        out[edges[frame] : edges[frame + 1]] = after + (0.5 + 0.5 * np.cos(math.pi * u)) * (before - after)
    return out
