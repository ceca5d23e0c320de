"""The loudness meter's inner loop: K-weighting and the sum of squares in one pass, nothing kept of the filtered audio."""

from __future__ import annotations

import numba


@numba.njit(cache=True, nogil=True)
def add_energy(block, start, stop, coefficients, state, energy):
    """Adds to `energy` (channels,) the squares of the K-weighted samples `start..stop` of `block` (channels, n).

    Two biquads in transposed direct form II with float64 states (channels, 4); `coefficients` as of `k_weighting`.
    """
    b0, b1, b2, a1, a2 = coefficients[0]
    c0, c1, c2, d1, d2 = coefficients[1]
    for channel in range(block.shape[0]):
        s1, s2, s3, s4 = state[channel]
        total = 0.0
        for index in range(start, stop):
            x = float(block[channel, index])
            y = b0 * x + s1
            s1 = b1 * x - a1 * y + s2
            s2 = b2 * x - a2 * y
            z = c0 * y + s3
            s3 = c1 * y - d1 * z + s4
            s4 = c2 * y - d2 * z
            total += z * z
        energy[channel] += total
        # In silence the states would decay into denormals, which are slow.
        if abs(s1) + abs(s2) + abs(s3) + abs(s4) < 1e-25:
            s1 = s2 = s3 = s4 = 0.0
        state[channel, 0], state[channel, 1], state[channel, 2], state[channel, 3] = s1, s2, s3, s4
