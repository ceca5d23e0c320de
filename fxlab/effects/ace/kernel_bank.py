"""The filterbank of ACE as compiled loops: sound into bands, and bands into sound."""

from __future__ import annotations

from numba import njit

from fxlab.effects.ace.kernel_vectors import LANES, deal, fma, kept, less, load, spread, store

_OPTIONS = {"forceinline": True, "nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@njit(cache=True, **_OPTIONS)
def split(x, states, poles, weights, channel, parts, power):
    """An interval of one channel into bands.

    Args:
        x: (N,) float64.
        states: (channels, 2, 4, K) float64, real and imaginary parts of the filters' stages; updated in place.
        poles, weights: (2, K), real and imaginary parts.
        parts: (N, K), takes the real parts of the weighted bands.
        power: (K,), to which the sum of |z|^2 is added.
    """
    bands, state = len(power), states[channel]
    for k in range(0, bands, LANES):
        a, b, wr, wi = load(poles, k), load(poles, bands + k), load(weights, k), load(weights, bands + k)
        r0, r1, r2, r3 = load(state, k), load(state, bands + k), load(state, 2 * bands + k), load(state, 3 * bands + k)
        at = 4 * bands + k
        i0, i1, i2, i3 = load(state, at), load(state, bands + at), load(state, 2 * bands + at), load(state, 3 * bands + at)
        sum_ = load(power, k)
        for n in range(len(x)):
            r0, i0 = fma(a, r0, less(b, i0, spread(x[n]))), fma(a, i0, b * r0)
            r1, i1 = fma(a, r1, less(b, i1, r0)), fma(a, i1, fma(b, r1, i0))
            r2, i2 = fma(a, r2, less(b, i2, r1)), fma(a, i2, fma(b, r2, i1))
            r3, i3 = fma(a, r3, less(b, i3, r2)), fma(a, i3, fma(b, r3, i2))
            sum_ = fma(r3, r3, fma(i3, i3, sum_))
            store(parts, n * bands + k, less(wi, i3, wr * r3))
        store(power, k, sum_)
        store(state, k, kept(r0))
        store(state, bands + k, kept(r1))
        store(state, 2 * bands + k, kept(r2))
        store(state, 3 * bands + k, kept(r3))
        store(state, at, kept(i0))
        store(state, bands + at, kept(i1))
        store(state, 2 * bands + at, kept(i2))
        store(state, 3 * bands + at, kept(i3))


@njit(cache=True, **_OPTIONS)
def join(parts, first, growth, delays, total):
    """Adds an interval of bands (N, K) at their gains into the running sum (delay + N,) of their delayed sound."""
    bands = len(delays)
    for k in range(0, bands, LANES):
        gain, step = load(first, k), spread(1.0 / len(parts)) * load(growth, k)
        d0, d1, d2, d3 = delays[k], delays[k + 1], delays[k + 2], delays[k + 3]
        # One by one: vectors that overlap what was just written must wait until it is in the cache.
        for n in range(len(parts)):
            gain = gain + step
            deal(total, d0 + n, d1 + n, d2 + n, d3 + n, gain * load(parts, n * bands + k))
