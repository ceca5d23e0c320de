"""Temporal contrast enhancement as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.design import TRANSIENT, TRANSIENT_SPREAD
from fxlab.effects.ace.kernel_mix import kept_number

_OPTIONS = {"forceinline": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def hear(x, sections, outer, inner, filtered, heard, levels):
    """Both high-passes of an interval of one channel, (N,), in one loop: neither waits for the other to end.

    Args:
        sections: (2, 5), the input's and that of what temporal contrast listens to.
        outer, inner: Their registers, (1, 2) each, as in `fxlab.audio.biquad`; updated in place.
        filtered, heard: Take the outputs.
        levels: (N,), to which the magnitudes of `heard` are added.
    """
    b0, a1, a2 = sections[0, 0], sections[0, 3], sections[0, 4]
    c1, c2 = sections[0, 1] - a1 * b0, sections[0, 2] - a2 * b0
    d0, e1, e2 = sections[1, 0], sections[1, 3], sections[1, 4]
    f1, f2 = sections[1, 1] - e1 * d0, sections[1, 2] - e2 * d0
    p0, p1, q0, q1 = outer[0, 0], outer[0, 1], inner[0, 0], inner[0, 1]
    for n in range(len(x)):
        y = b0 * x[n] + p0
        p0, p1 = (c1 * x[n] + p1) - a1 * p0, c2 * x[n] - a2 * p0
        z = d0 * y + q0
        q0, q1 = (f1 * y + q1) - e1 * q0, f2 * y - e2 * q0
        filtered[n], heard[n] = y, z
        levels[n] += abs(z)
    outer[0, 0], outer[0, 1] = kept_number(p0), kept_number(p1)
    inner[0, 0], inner[0, 1] = kept_number(q0), kept_number(q1)


@njit(cache=True, **_OPTIONS)
def transients(levels, channels, numbers, adapt, adapting, heard, report, followers, gain):
    """Gains (N,) that let transients through, and the factor that `adapt` puts on them.

    Args:
        levels: (N,), sums of magnitudes over so many channels.
        numbers: tce_rise, tce_fall, tce_threshold, delta of the design.
        followers, heard, report: States, updated in place.
        gain: Takes the gains.
    """
    rise, fall, threshold, delta = numbers
    part = 1.0 / channels
    decaying, lasting, fading = followers[0], followers[1], followers[2]
    transient = 0.0
    for n in range(len(levels)):
        level = part * levels[n]
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
    followers[0], followers[1], followers[2] = kept_number(decaying), kept_number(lasting), kept_number(fading)
    heard[0] = kept_number(transient + adapting * (heard[0] - transient))
    heard[1] = kept_number(decaying + adapting * (heard[1] - decaying))
    weight = 1.0
    if adapt:
        share = heard[0] / (heard[1] + delta)
        weight = 2.0 / (1.0 + np.exp((share - TRANSIENT) / TRANSIENT_SPREAD))
    report[4] += weight
    return weight
