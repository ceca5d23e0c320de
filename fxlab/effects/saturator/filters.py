"""The saturator's two filters, DC blocker and low-pass, as one compiled linear system.

A recursive filter waits for its own last sample, so one sample costs a whole multiply-add latency however wide the processor
is. Here four segments of a chunk run side by side, all but the first from rest, and each gets what it lacks afterwards: its
true starting state times the precomputed response to it. In exact arithmetic that is the plain recursion.

The state is z = (blocked, s0, s1): the DC blocker's output and the registers of the low-pass (transposed direct form II; s1
stays 0 for the one-pole). The two filters keep their parts apart, since the DC blocker's means the same beside any low-pass.
With d[n] = x[n] - x[n-1] and the gains of both filters gathered in b0, c1, c2:

    blocked' = d + r blocked
    one-pole   s0' = blocked' - a1 s0,                  y = b0 s0'
    biquad     s0' = c1 blocked' + s1 - a1 s0,          y = b0 blocked' + s0
               s1' = c2 blocked' - a2 s0
"""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 4

_SILENT = 1e-30  # states below this are flushed to zero, far above denormals


class Filters:
    """Coefficients, tables and scratch memory of the two filters for chunks of at most `chunk` frames.

    Args:
        sections: (2, 5), the DC blocker and the low-pass as in `fxlab.audio.biquad`.
        gain: Factor on the output.
        chunk: Longest chunk in frames.

    Attributes:
        arguments: What `run_filters` takes after input and output.
    """

    def __init__(self, sections: np.ndarray, gain: float, chunk: int) -> None:
        (entry, _, _, pole, _), (b0, b1, b2, a1, a2) = sections
        gain, steep = gain * entry, bool(b1)
        c1, c2, r = b1 - a1 * b0, b2 - a2 * b0, -pole
        if steep:
            advance = np.array([[r, 0, 0], [gain * c1 * r, -a1, 1], [gain * c2 * r, -a2, 0]])
        else:
            advance = np.array([[r, 0, 0], [r, -a1, 0], [0, 0, 0]])
        powers = [np.eye(3)]
        for _ in range(chunk // LANES):
            powers.append(advance @ powers[-1])
        powers = np.array(powers)
        heard = gain * b0 * powers[1:, 0] + powers[:-1, 1] if steep else gain * b0 * powers[1:, 1]
        self.arguments = (
            steep,
            (r, gain * b0, gain * c1, gain * c2, a1, a2),
            powers[1:].copy(),  # state after n + 1 samples
            heard.T.copy(),  # output n samples on, by starting state
            np.zeros(chunk),
            np.zeros((LANES + 1, 3)),
        )


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"})
def run_filters(x, y, steep, coefficients, powers, heard, line, ends, blocker, lowpass):
    """Filters one chunk of one channel.

    Args:
        x, y: Input and output (frames,), any float type, not overlapping.
        blocker: (2,) float64, the last input and the DC blocker's output; updated in place.
        lowpass: (2,) float64, the registers of the low-pass; updated in place.
    """
    frames = len(x)
    seg = frames // LANES
    r, b0, c1, c2, a1, a2 = coefficients
    line[0] = np.float64(x[0]) - blocker[0]
    for i in range(1, frames):
        line[i] = np.float64(x[i]) - np.float64(x[i - 1])
    blocker[0] = x[frames - 1]

    v0, p0, q0 = blocker[1], lowpass[0], lowpass[1]
    v1 = v2 = v3 = p1 = p2 = p3 = q1 = q2 = q3 = 0.0
    if steep:
        for i in range(seg):
            v0 = line[i] + r * v0
            v1 = line[i + seg] + r * v1
            v2 = line[i + 2 * seg] + r * v2
            v3 = line[i + 3 * seg] + r * v3
            line[i] = b0 * v0 + p0
            line[i + seg] = b0 * v1 + p1
            line[i + 2 * seg] = b0 * v2 + p2
            line[i + 3 * seg] = b0 * v3 + p3
            p0, q0 = (c1 * v0 + q0) - a1 * p0, c2 * v0 - a2 * p0
            p1, q1 = (c1 * v1 + q1) - a1 * p1, c2 * v1 - a2 * p1
            p2, q2 = (c1 * v2 + q2) - a1 * p2, c2 * v2 - a2 * p2
            p3, q3 = (c1 * v3 + q3) - a1 * p3, c2 * v3 - a2 * p3
    else:
        for i in range(seg):
            v0 = line[i] + r * v0
            v1 = line[i + seg] + r * v1
            v2 = line[i + 2 * seg] + r * v2
            v3 = line[i + 3 * seg] + r * v3
            p0 = v0 - a1 * p0
            p1 = v1 - a1 * p1
            p2 = v2 - a1 * p2
            p3 = v3 - a1 * p3
            line[i] = b0 * p0
            line[i + seg] = b0 * p1
            line[i + 2 * seg] = b0 * p2
            line[i + 3 * seg] = b0 * p3

    ends[1, 0], ends[1, 1], ends[1, 2] = v0, p0, q0
    ends[2, 0], ends[2, 1], ends[2, 2] = v1, p1, q1
    ends[3, 0], ends[3, 1], ends[3, 2] = v2, p2, q2
    ends[4, 0], ends[4, 1], ends[4, 2] = v3, p3, q3
    for i in range(seg):
        y[i] = line[i]
    if seg > 0:
        for lane in range(1, LANES):
            z0, z1, z2 = ends[lane]
            for j in range(3):
                ends[lane + 1, j] += powers[seg - 1, j, 0] * z0 + powers[seg - 1, j, 1] * z1 + powers[seg - 1, j, 2] * z2
            source, target = line[lane * seg : (lane + 1) * seg], y[lane * seg : (lane + 1) * seg]
            for i in range(seg):
                target[i] = source[i] + (heard[0, i] * z0 + heard[1, i] * z1 + heard[2, i] * z2)

    v, p, q = ends[LANES if seg > 0 else 1]
    for i in range(LANES * seg, frames):
        v = line[i] + r * v
        if steep:
            y[i] = b0 * v + p
            p, q = (c1 * v + q) - a1 * p, c2 * v - a2 * p
        else:
            p = v - a1 * p
            y[i] = b0 * p
    blocker[1] = v if abs(v) > _SILENT else 0.0
    lowpass[0] = p if abs(p) > _SILENT else 0.0
    lowpass[1] = q if abs(q) > _SILENT else 0.0
