"""The bank of harmonics, compiled, and its gradient.

Sines of a sample's harmonics follow from each other (Reinsch's form of Chebyshev's recurrence): with m = 4 sin(theta / 2)^2,
d -= m s and s += d lead from sin(k theta) to sin((k + 1) theta). That is as exact as float32 near theta = 0, where the plain
recurrence isn't; near pi neither is, so half a cycle is subtracted there, which turns the sign of odd harmonics.
Sixteen samples go side by side, in two vectors. The phase is in cycles and float64, the integral of the frequency in closed form.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from fxlab.kernels.vectors import OPTIONS, address, clamp, fma, load, spread, store, total
from fxlab.timbre.fade import FADE_FROM

LANES = 8
STRIDE = 2 * LANES
_ROWS = 5
"""Of what is known of each sample: -m, the first sine, the sign of odd harmonics, the crossfade, and the frequency as a multiple
of the width of the band in which harmonics fade out.
"""
_M, _SINE, _SIGN, _CROSSFADE, _SHARE = range(_ROWS)
_STEEP = 1 / (1 - FADE_FROM)
_EXACT = 0.2
"""Logarithm of a frame's ratio of frequencies up to which a series will do."""
_EXP_TERMS = tuple(1 / math.factorial(n) for n in range(9, 0, -1))
_SIN_TERMS = tuple((-1) ** n / math.factorial(2 * n + 1) for n in range(6, -1, -1))
_COS_TERMS = tuple((-1) ** n / math.factorial(2 * n) for n in range(6, -1, -1))


@njit(forceinline=True, **OPTIONS)
def _mean_exp(x):
    """(exp(x) - 1) / x for small x."""
    a, b, c, d, e, f, g, h, i = _EXP_TERMS
    return ((((((((a * x + b) * x + c) * x + d) * x + e) * x + f) * x + g) * x + h) * x) + i


@njit(forceinline=True, **OPTIONS)
def _sin(x):
    a, b, c, d, e, f, g = _SIN_TERMS
    z = x * x
    return x * ((((((a * z + b) * z + c) * z + d) * z + e) * z + f) * z + g)


@njit(forceinline=True, **OPTIONS)
def _cos(x):
    a, b, c, d, e, f, g = _COS_TERMS
    z = x * x
    return (((((a * z + b) * z + c) * z + d) * z + e) * z + f) * z + g


@njit(forceinline=True, **OPTIONS)
def crossfade(u):
    """Share of the frame before at a position between two, 0..1: a raised cosine, 1 at 0."""
    return 0.5 - 0.5 * _sin(math.pi * (u - 0.5))


@njit(**OPTIONS)
def room(edges):
    """Samples of the longest frame, and what is left of the last vectors."""
    longest = 0
    for frame in range(len(edges) - 1):
        longest = max(longest, edges[frame + 1] - edges[frame])
    return -(-longest // STRIDE) * STRIDE


@njit(**OPTIONS)
def copy(source, first, target, start, count):
    """Copies numbers of one array into another. (A loop compiles ten times as fast as an assignment of slices.)"""
    for i in range(count):
        target[start + i] = source[first + i]


@njit(**OPTIONS)
def clear(sums):
    """Sets (2, n, LANES) to zero."""
    for row in range(2):
        for k in range(sums.shape[1]):
            for lane in range(LANES):
                sums[row, k, lane] = 0


@njit(**OPTIONS)
def _prepare(rows, count, before_hz, after_hz, phase, late, step, seconds, nyquist_hz):
    """Fills `rows` for `count` samples of the frame that goes from one frequency to another; returns the phase at its end.

    Args:
        late: Position of the first sample in the frame, 0..1.
        step: Distance of samples, a frame being 1.
        seconds: Length of the frame.
    """
    octave = math.log(after_hz / before_hz)
    cycles, scale = before_hz * seconds, _STEEP * before_hz / nyquist_hz
    if abs(octave) < _EXACT:
        for i in range(count):
            u = late + i * step
            _fill(rows, i, u, phase, cycles, scale, octave * u, _mean_exp(octave * u))
    else:
        for i in range(count):
            u = late + i * step
            x = octave * u
            _fill(rows, i, u, phase, cycles, scale, x, math.expm1(x) / x if x != 0 else 1.0)
    mean = math.expm1(octave) / octave if octave != 0 else 1.0
    turned = phase + cycles * mean
    return turned - math.floor(turned)


@njit(forceinline=True, **OPTIONS)
def _fill(rows, i, u, phase, cycles, scale, x, mean):
    turned = phase + cycles * u * mean
    twice = 2 * (turned - np.floor(turned + 0.5))
    half = np.floor(twice + 0.5)
    angle = 0.5 * math.pi * (twice - half)
    sine, cosine = _sin(angle), _cos(angle)
    rows[_M, i] = -4 * sine * sine
    rows[_SINE, i] = 2 * sine * cosine
    rows[_SIGN, i] = 1 - 2 * abs(half)
    rows[_CROSSFADE, i] = crossfade(u)
    rows[_SHARE, i] = scale * (1 + x * mean)


@njit(forceinline=True, **OPTIONS)
def _limits(count, before_hz, after_hz, nyquist_hz):
    """Pairs of harmonics that are heard in full, and that are heard at all, in a frame."""
    full = math.ceil(FADE_FROM * nyquist_hz / max(before_hz, after_hz)) - 1
    heard = math.ceil(nyquist_hz / min(before_hz, after_hz)) - 1
    return int(max(0, min(full, count) // 2)), int((min(heard, count) + 1) // 2)


@njit(forceinline=True, **OPTIONS)
def _gain(number, share):
    x = clamp(fma(share, np.float32(number), np.float32(-_STEEP * FADE_FROM)), np.float32(0), np.float32(1))
    return np.float32(1) - x * x * (np.float32(3) - np.float32(2) * x)


@njit(cache=True, **OPTIONS)
def forward(f0_hz, harmonics, edges, late, step, seconds, nyquist_hz, phase, out):
    """Writes the sound of frames; returns the phase at their end.

    Args:
        f0_hz: (frames + 1,) float64.
        harmonics: (frames + 1, an even number) float32.
        edges: First sample of each frame, and the end, (frames + 1,) int64, from 0 on.
        late: Position of each frame's first sample in it, (frames,) float64, 0..1.
        step: Distance of samples, a frame being 1.
        seconds: Length of a frame.
        nyquist_hz: Half the rate.
        phase: In cycles, of the first frame's beginning.
        out: (edges[-1],) float32.
    """
    width = room(edges)
    rows, sound = np.zeros((_ROWS, width), np.float32), np.empty(width, np.float32)
    for frame in range(len(edges) - 1):
        size = edges[frame + 1] - edges[frame]
        before_hz, after_hz = f0_hz[frame], f0_hz[frame + 1]
        phase = _prepare(rows, size, before_hz, after_hz, phase, late[frame], step, seconds, nyquist_hz)
        full, heard = _limits(harmonics.shape[1], before_hz, after_hz, nyquist_hz)
        for start in range(0, size, STRIDE):
            _sum(rows, start, harmonics, frame, full, heard, sound)
        copy(sound, 0, out, edges[frame], size)
    return phase


@njit(forceinline=True, **OPTIONS)
def _sum(rows, start, harmonics, frame, full, heard, sound):
    """Sixteen samples."""
    later = start + LANES
    m, share = _both(rows, _M, start), _both(rows, _SHARE, start)
    s = d = _both(rows, _SINE, start)
    before, after = address(harmonics, (frame, 0)), address(harmonics, (frame + 1, 0))
    nothing = m[0] * np.float32(0)
    odd = even = nothing, nothing, nothing, nothing
    for pair in range(full):
        k = 2 * pair
        odd = _added(odd, before, after, k, s)
        s, d = _next(m, s, d)
        even = _added(even, before, after, k + 1, s)
        s, d = _next(m, s, d)
    for pair in range(full, heard):
        k = 2 * pair
        odd = _added(odd, before, after, k, _faded(k + 1, share, s))
        s, d = _next(m, s, d)
        even = _added(even, before, after, k + 1, _faded(k + 2, share, s))
        s, d = _next(m, s, d)
    sign, curve = _both(rows, _SIGN, start), _both(rows, _CROSSFADE, start)
    first, then = fma(sign[0], odd[0], even[0]), fma(sign[0], odd[2], even[2])
    store(sound, start, fma(curve[0], first - then, then))
    first, then = fma(sign[1], odd[1], even[1]), fma(sign[1], odd[3], even[3])
    store(sound, later, fma(curve[1], first - then, then))


@njit(forceinline=True, **OPTIONS)
def _both(rows, row, start):
    return load(rows, (row, start), LANES), load(rows, (row, start + LANES), LANES)


@njit(forceinline=True, **OPTIONS)
def _next(m, s, d):
    """The next harmonic's sines."""
    d = fma(m[0], s[0], d[0]), fma(m[1], s[1], d[1])
    return (s[0] + d[0], s[1] + d[1]), d


@njit(forceinline=True, **OPTIONS)
def _added(sums, before, after, k, s):
    """Sums with the amplitudes before of both vectors, and with those after."""
    a, b = spread(before, k, LANES), spread(after, k, LANES)
    return fma(a, s[0], sums[0]), fma(a, s[1], sums[1]), fma(b, s[0], sums[2]), fma(b, s[1], sums[3])


@njit(forceinline=True, **OPTIONS)
def _faded(number, share, s):
    return _gain(number, share[0]) * s[0], _gain(number, share[1]) * s[1]


@njit(cache=True, **OPTIONS)
def backward(f0_hz, edges, late, step, seconds, nyquist_hz, phase, slopes, found):
    """Adds the gradient of `forward` with respect to `harmonics` to `found`, whose shape is theirs; `slopes` is that of `out`."""
    width, count = room(edges), found.shape[1]
    rows, slope = np.zeros((_ROWS, width), np.float32), np.zeros((2, width), np.float32)
    sums = np.empty((2, count, LANES), np.float32)
    for frame in range(len(edges) - 1):
        size = edges[frame + 1] - edges[frame]
        before_hz, after_hz = f0_hz[frame], f0_hz[frame + 1]
        phase = _prepare(rows, size, before_hz, after_hz, phase, late[frame], step, seconds, nyquist_hz)
        full, heard = _limits(count, before_hz, after_hz, nyquist_hz)
        for i in range(size, width):
            slope[0, i] = slope[1, i] = 0
        for i in range(size):
            slope[0, i] = rows[_CROSSFADE, i] * slopes[edges[frame] + i]
            slope[1, i] = slopes[edges[frame] + i] - slope[0, i]
        clear(sums)
        for start in range(0, size, STRIDE):
            _dot(rows, slope, start, full, heard, sums)
        for k in range(count):
            found[frame, k] += total(load(sums, (0, k, 0), LANES))
            found[frame + 1, k] += total(load(sums, (1, k, 0), LANES))
    return phase


@njit(forceinline=True, **OPTIONS)
def _dot(rows, slope, start, full, heard, sums):
    """Sixteen samples."""
    m, share, sign = _both(rows, _M, start), _both(rows, _SHARE, start), _both(rows, _SIGN, start)
    s = d = _both(rows, _SINE, start)
    before, after = _both(slope, 0, start), _both(slope, 1, start)
    even = before[0], before[1], after[0], after[1]
    odd = sign[0] * before[0], sign[1] * before[1], sign[0] * after[0], sign[1] * after[1]
    for pair in range(full):
        k = 2 * pair
        _add(sums, k, odd, s)
        s, d = _next(m, s, d)
        _add(sums, k + 1, even, s)
        s, d = _next(m, s, d)
    for pair in range(full, heard):
        k = 2 * pair
        _add(sums, k, odd, _faded(k + 1, share, s))
        s, d = _next(m, s, d)
        _add(sums, k + 1, even, _faded(k + 2, share, s))
        s, d = _next(m, s, d)


@njit(forceinline=True, **OPTIONS)
def _add(sums, k, slopes, s):
    store(sums, (0, k, 0), fma(slopes[0], s[0], fma(slopes[1], s[1], load(sums, (0, k, 0), LANES))))
    store(sums, (1, k, 0), fma(slopes[2], s[0], fma(slopes[3], s[1], load(sums, (1, k, 0), LANES))))
