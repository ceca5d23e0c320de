"""The synthesizer's harmonics in float64, sine by sine: what faster ones are measured against.

From frame to frame the frequency moves geometrically, so the phase, its integral, is known in closed form at any time; amplitudes
are crossfaded with a raised cosine. Towards half the rate of the output harmonics fade out.
"""

from __future__ import annotations

import math

import numpy as np

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import fade


def frames_at(config: InstrumentConfig, rate_hz: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where frames lie among the samples of an output; sample n stands n / rate_hz after frame 0.

    Args:
        first: Number of the first of them.
        count: How many.

    Returns:
        Number of the first sample of each frame, and of the one behind the last frame, (count + 1,) int64, and the position of
        each frame's first sample in it, (count,), 0..1.
    """
    starts = (first + np.arange(count + 1, dtype=np.int64)) * config.hop * rate_hz
    edges = -(-starts // config.sample_rate_hz)
    late = (edges * config.sample_rate_hz - starts)[:-1] / (config.hop * rate_hz)
    return edges, late


def sines(config: InstrumentConfig, rate_hz: int, f0_hz: np.ndarray, harmonics: np.ndarray) -> np.ndarray:
    """The sound of amplitudes at the frames of a fundamental, from the first frame to the last, (samples,) float64.

    Args:
        rate_hz: Of the output.
        f0_hz: (frames,), positive.
        harmonics: (frames, harmonics).
    """
    edges, late = frames_at(config, rate_hz, 0, len(f0_hz) - 1)
    numbers = np.arange(1, harmonics.shape[1] + 1)
    phase, parts = 0.0, []
    for frame, start in enumerate(late):
        before, after = float(f0_hz[frame]), float(f0_hz[frame + 1])
        u = start + np.arange(edges[frame + 1] - edges[frame]) * (config.sample_rate_hz / (config.hop * rate_hz))
        cycles, octave = before / config.frame_rate_hz, math.log(after / before)
        turned = phase + cycles * u * _mean_exp(octave * u)
        share = before * np.exp(octave * u)[:, None] * numbers / (rate_hz / 2)
        curve = (0.5 + 0.5 * np.cos(math.pi * u))[:, None]
        amplitude = (curve * harmonics[frame] + (1 - curve) * harmonics[frame + 1]) * fade(share)
        parts.append((amplitude * np.sin(2 * math.pi * np.mod(turned[:, None] * numbers, 1))).sum(axis=1))
        phase = math.fmod(phase + cycles * float(_mean_exp(np.array(octave))), 1.0)
    return np.concatenate(parts) if parts else np.zeros(0)


def _mean_exp(x: np.ndarray) -> np.ndarray:
    """(exp(x) - 1) / x: the mean of exp from 0 to x."""
    return np.where(np.abs(x) < 1e-7, 1 + x / 2, np.expm1(x) / np.where(x == 0, 1, x))
