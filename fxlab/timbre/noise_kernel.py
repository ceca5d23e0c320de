"""The synthesizer's noise, compiled: filters of zero phase that change from frame to frame, and their gradient.

Sixteen samples go side by side. Each tap meets the sum of the two samples at its distance, and the filters before and after a
sample meet it together, so that a frame's crossfade costs one load more.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from fxlab.kernels.vectors import OPTIONS, address, fma, load, spread, store, total
from fxlab.timbre.oscillators_kernel import LANES, STRIDE, clear, copy, crossfade, room

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_UNIT = math.sqrt(12) / (1 << 24)


@njit(cache=True, **OPTIONS)
def white(seed, start, out):
    """Fills `out`, float32, with samples `start`, `start + 1` ... of a noise of standard deviation 1, uniformly distributed.

    Each sample is a hash of the seed and its number (SplitMix64's, Steele et al. 2014), so that blocks don't matter.
    """
    for i in range(len(out)):
        x = np.uint64(seed) + np.uint64(start + i) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * _FIRST
        x = (x ^ (x >> np.uint64(27))) * _SECOND
        x = (x ^ (x >> np.uint64(31))) >> np.uint64(40)
        out[i] = np.float32((np.float64(np.int64(x)) - (0.5 * (1 << 24) - 0.5)) * _UNIT)


@njit(cache=True, **OPTIONS)
def responses(magnitudes, design, out):
    """magnitudes @ design, float32, of which each row depends on its own magnitudes alone, to the last bit."""
    for frame in range(len(out)):
        row = out[frame]
        for k in range(len(row)):
            row[k] = 0
        for band in range(len(design)):
            magnitude, wave = magnitudes[frame, band], design[band]
            for k in range(len(row)):
                row[k] += magnitude * wave[k]


@njit(cache=True, **OPTIONS)
def forward(taps, noise, edges, late, step, out):
    """Writes frames of filtered noise.

    Args:
        taps: Impulse responses from their middle to one end, (frames + 1, taps) float32.
        noise: (edges[-1] + 2 (taps - 1),) float32, of which sample `taps - 1` stands at the first frame's beginning.
        edges, late, step: See `fxlab.timbre.oscillators_kernel.forward`.
        out: (edges[-1],) float32.
    """
    count = taps.shape[1]
    width = room(edges)
    near = np.zeros(width + 2 * count, np.float32)
    sound, curve = np.empty(width, np.float32), np.zeros(width, np.float32)
    half = np.empty(taps.shape, np.float32)
    for frame in range(len(taps)):
        copy(taps[frame], 0, half[frame], 0, count)
        half[frame, 0] *= np.float32(0.5)
    for frame in range(len(edges) - 1):
        size = edges[frame + 1] - edges[frame]
        copy(noise, edges[frame], near, 0, size + 2 * (count - 1))
        _crossfade(curve, size, late[frame], step)
        before, after = address(half, (frame, 0)), address(half, (frame + 1, 0))
        for start in range(0, size, STRIDE):
            middle = start + count - 1
            a_0 = a_1 = b_0 = b_1 = load(near, middle, LANES) * np.float32(0)
            for k in range(count):
                left, right = middle - k, middle + k
                x_0 = load(near, left, LANES) + load(near, right, LANES)
                x_1 = load(near, left + LANES, LANES) + load(near, right + LANES, LANES)
                a, b = spread(before, k, LANES), spread(after, k, LANES)
                a_0, a_1, b_0, b_1 = fma(a, x_0, a_0), fma(a, x_1, a_1), fma(b, x_0, b_0), fma(b, x_1, b_1)
            store(sound, start, fma(load(curve, start, LANES), a_0 - b_0, b_0))
            store(sound, start + LANES, fma(load(curve, start + LANES, LANES), a_1 - b_1, b_1))
        copy(sound, 0, out, edges[frame], size)


@njit(cache=True, **OPTIONS)
def backward(noise, edges, late, step, slopes, found):
    """Adds the gradient of `forward` with respect to `taps` to `found`, whose shape is theirs; `slopes` is that of `out`."""
    count = found.shape[1]
    width = room(edges)
    near = np.zeros(width + 2 * count, np.float32)
    first, second, curve = np.zeros(width, np.float32), np.zeros(width, np.float32), np.zeros(width, np.float32)
    sums = np.empty((2, count, LANES), np.float32)
    for frame in range(len(edges) - 1):
        size = edges[frame + 1] - edges[frame]
        copy(noise, edges[frame], near, 0, size + 2 * (count - 1))
        _crossfade(curve, size, late[frame], step)
        for i in range(size, width):
            first[i] = second[i] = 0
        for i in range(size):
            slope = slopes[edges[frame] + i]
            first[i] = curve[i] * slope
            second[i] = slope - first[i]
        clear(sums)
        for start in range(0, size, STRIDE):
            middle = start + count - 1
            a_0, a_1 = load(first, start, LANES), load(first, start + LANES, LANES)
            b_0, b_1 = load(second, start, LANES), load(second, start + LANES, LANES)
            for k in range(count):
                left, right = middle - k, middle + k
                x_0 = load(near, left, LANES) + load(near, right, LANES)
                x_1 = load(near, left + LANES, LANES) + load(near, right + LANES, LANES)
                store(sums, (0, k, 0), fma(a_0, x_0, fma(a_1, x_1, load(sums, (0, k, 0), LANES))))
                store(sums, (1, k, 0), fma(b_0, x_0, fma(b_1, x_1, load(sums, (1, k, 0), LANES))))
        for k in range(count):
            share = np.float32(1 if k else 0.5)
            found[frame, k] += share * total(load(sums, (0, k, 0), LANES))
            found[frame + 1, k] += share * total(load(sums, (1, k, 0), LANES))


@njit(forceinline=True, **OPTIONS)
def _crossfade(curve, size, late, step):
    for i in range(size):
        curve[i] = crossfade(late + i * step)
