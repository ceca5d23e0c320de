"""Temporal contrast enhancement as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.design import TRANSIENT, TRANSIENT_SPREAD
from fxlab.effects.ace.kernel_vectors import SILENT

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def transients(h, numbers, adapt, followers, heard, report, gain):
    """Gains (N,) that let transients through, of an interval (channels, N), and the factor that `adapt` puts on them.

    Args:
        numbers: tce_rise, tce_fall, tce_threshold, delta, adapting of the design.
        followers, heard, report: States, updated in place.
        gain: Takes the gains.
    """
    rise, fall, threshold, delta, adapting = numbers
    decaying, lasting, fading = followers[0], followers[1], followers[2]
    transient = 0.0
    for n in range(len(gain)):
        level = 0.0
        for channel in range(len(h)):
            level += abs(h[channel, n])
        level /= len(h)
        # A follower is the larger, or smaller, of where it goes and where it must be at once.
        decayed = fall * decaying + (1.0 - fall) * level
        decaying = level if level > decayed else decayed
        lasted = rise * lasting + (1.0 - rise) * decaying
        lasting = decaying if decaying < lasted else lasted
        transient = decaying - lasting - threshold
        transient = transient if transient > 0.0 else 0.0
        faded = fall * fading + (1.0 - fall) * transient
        fading = transient if transient > faded else faded
        gain[n] = transient / (fading + delta)
    followers[0], followers[1], followers[2] = _kept(decaying), _kept(lasting), _kept(fading)
    heard[0] = _kept(transient + adapting * (heard[0] - transient))
    heard[1] = _kept(decaying + adapting * (heard[1] - decaying))
    if not adapt:
        return 1.0
    share = heard[0] / (heard[1] + delta)
    weight = 2.0 / (1.0 + np.exp((share - TRANSIENT) / TRANSIENT_SPREAD))
    report[4] += weight
    return weight


@njit(cache=True, **_OPTIONS)
def _kept(x):
    return x if x > SILENT else 0.0
