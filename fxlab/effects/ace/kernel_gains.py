"""Spectral contrast enhancement: from what the bands hold in an interval to their gains, as compiled loops."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.effects.ace.design import CONTRAST_DB, CONTRAST_SPREAD_DB, FLOOR
from fxlab.effects.ace.kernel_math import exp, log
from fxlab.effects.ace.kernel_vectors import LANES, fma, load, spread, store

_DB = 20.0 / np.log(10.0)
_FAR = 1e-200  # factors below this are nothing beside the noise floor, and not to become denormals
_OPTIONS = {"forceinline": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


def neighbourhood(neighbours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights w (K, K) as what they are, factors by distance (the bands are evenly spaced) over their sum, and room.

    Returns:
        Factors at distances -P..P, norms (P,), and zeros (P,) for sums, P being K rounded up to whole vectors.
    """
    bands = len(neighbours)
    padded = -(-bands // (4 * LANES)) * 4 * LANES
    near, norms = np.zeros(2 * padded + 1), np.zeros(padded)
    factors = neighbours[0] * (neighbours[0] > _FAR)
    near[padded : padded + bands] = factors
    near[padded - bands + 1 : padded + 1] = factors[::-1]
    norms[0], norms[1:bands] = 1.0, np.diag(neighbours, -1) / neighbours[0, 1]
    return near, norms, np.zeros(padded)


@njit(cache=True, **_OPTIONS)
def gains(power, numbers, adapt, adapting, heard, report, bands, neighbours, followers, rows):
    """The gains with which an interval begins, and by how much they grow in it.

    Args:
        power: (K,), the sum of |z|^2 over the interval and the channels.
        numbers: li, li_strength, ex, ex_strength, ex_threshold, dp_rise, gain, delta of the design.
        bands: (3, K), detector (divided by what `power` is a sum of), noise and dp_fall of the design.
        neighbours: What `neighbourhood` returns.
        followers, heard, report: States, updated in place.
        rows: (5, K) for what is worked out; row 0 takes the gains, row 1 their growth.
    """
    li, li_strength, ex, ex_strength, ex_threshold, dp_rise, gain, delta = numbers
    near, norms, sums = neighbours
    first, growth, e, squared, v = rows[0], rows[1], rows[2], rows[3], rows[4]
    smooth = followers[0]
    _envelopes(power, bands[0], bands[1], li, smooth, e, squared)
    _neighbourhood(near, norms, squared, sums)
    above = sums[: len(e)]
    contrast = _contrast(smooth, squared, delta, above)
    heard[2] = _DB * contrast[0] + adapting * (heard[2] - _DB * contrast[0])
    heard[3] = contrast[1] + adapting * (heard[3] - contrast[1])
    strength = 1.0
    if adapt:
        contrast_db = heard[2] / (heard[3] + delta * delta)
        strength = 2.0 / (1.0 + np.exp((contrast_db - CONTRAST_DB) / CONTRAST_SPREAD_DB))
    report[2] = min(report[2], strength) if report[0] > 0.0 else strength
    report[3] = max(report[3], strength)
    report[0] += 1.0
    report[1] += strength
    _inhibit(e, above, strength * li_strength, ex, followers[1], v)
    loudest = above[0]
    for k in range(len(above)):
        loudest = above[k] if above[k] > loudest else loudest
    _expand(v, above, loudest, strength * ex_strength, ex_threshold)
    _prolong(v, bands[2], dp_rise, followers[2], followers[3])
    _weigh(e, v, gain, delta, followers[4], followers[5], followers[6], first, growth)


@njit(cache=True, **_OPTIONS)
def _envelopes(power, detector, noise, li, smooth, e, squared):
    for k in range(len(e)):
        level = np.sqrt(power[k] * detector[k] + noise[k])
        now = level + li * (smooth[k] - level)
        e[k], smooth[k], squared[k] = level, now, now * now


@njit(cache=True, **_OPTIONS)
def _neighbourhood(near, norms, squared, sums):
    """sums_k = norm_k sum over i of near_|k-i| squared_i."""
    bands = len(squared)
    middle = len(near) // 2
    for k in range(0, len(sums), 4 * LANES):
        s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = spread(0.0)
        for i in range(0, bands, 2):
            at = middle + k - i
            x, y = spread(squared[i]), spread(squared[i + 1])
            s0, t0 = fma(x, load(near, at), s0), fma(y, load(near, at - 1), t0)
            s1, t1 = fma(x, load(near, at + LANES), s1), fma(y, load(near, at + LANES - 1), t1)
            s2, t2 = fma(x, load(near, at + 2 * LANES), s2), fma(y, load(near, at + 2 * LANES - 1), t2)
            s3, t3 = fma(x, load(near, at + 3 * LANES), s3), fma(y, load(near, at + 3 * LANES - 1), t3)
        store(sums, k, load(norms, k) * (s0 + t0))
        store(sums, k + LANES, load(norms, k + LANES) * (s1 + t1))
        store(sums, k + 2 * LANES, load(norms, k + 2 * LANES) * (s2 + t2))
        store(sums, k + 3 * LANES, load(norms, k + 3 * LANES) * (s3 + t3))


@njit(cache=True, forceinline=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "reassoc"})
def _contrast(smooth, squared, delta, above):
    """How far bands stand out of their neighbours: `above` from power to logarithm; sums, weighted by power, of it and of 1."""
    sum_, weight = 0.0, 0.0
    for k in range(len(above)):
        out = log(smooth[k] / (np.sqrt(above[k]) + delta))
        above[k] = out
        sum_ += squared[k] * out
        weight += squared[k]
    return sum_, weight


@njit(cache=True, **_OPTIONS)
def _inhibit(e, above, strength, ex, smooth, u):
    """Lateral inhibition: u, and the logarithms of its follower in `above`."""
    for k in range(len(e)):
        down = strength * (above[k] if above[k] < 0.0 else 0.0)
        inhibited = e[k] * exp(down if down > FLOOR else FLOOR)
        now = inhibited + ex * (smooth[k] - inhibited)
        u[k], smooth[k], above[k] = inhibited, now, log(now)


@njit(cache=True, **_OPTIONS)
def _expand(v, level, loudest, strength, threshold):
    """Expansion, in place."""
    for k in range(len(v)):
        below = loudest - level[k]
        lifted = -strength * (below + threshold)
        lifted = lifted if lifted < below else below
        v[k] *= exp(lifted if lifted > FLOOR else FLOOR)


@njit(cache=True, **_OPTIONS)
def _prolong(v, dp_fall, dp_rise, lasting, prolonged):
    """Decay prolongation, in place."""
    for k in range(len(v)):
        now = v[k]
        risen = now + dp_rise * (lasting[k] - now)
        risen = now if risen > now else risen
        fallen = risen + dp_fall[k] * (prolonged[k] - risen)
        fallen = risen if fallen < risen else fallen
        lasting[k], prolonged[k], v[k] = risen, fallen, fallen + now - risen


@njit(cache=True, **_OPTIONS)
def _weigh(e, p, smoothing, delta, wanted, present, last, first, growth):
    """The gains, `last` from those of the interval before to those of this one."""
    for k in range(len(e)):
        want = p[k] + smoothing * (wanted[k] - p[k])
        have = e[k] + smoothing * (present[k] - e[k])
        # Two quotients by one division: want / (have + delta), and the larger of p and e by e + delta.
        above, below = have + delta, e[k] + delta
        inverse = 1.0 / (above * below)
        gain, cap = want * (below * inverse), (p[k] if p[k] > e[k] else e[k]) * (above * inverse)
        gain = gain if gain < cap else cap
        begin = last[k] if last[k] < cap else cap
        wanted[k], present[k], last[k] = want, have, gain
        first[k], growth[k] = begin, gain - begin
