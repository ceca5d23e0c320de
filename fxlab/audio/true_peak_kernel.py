"""Interpolated peaks as compiled loops: the meter's, and what the limiter looks ahead with."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.true_peak import LOUDEST, TAPS
from fxlab.kernels.vectors import OPTIONS, constant, fma, load, store

CHUNK = 512
ROOM = CHUNK + 32
"""Samples that a line or a row must have room for when `CHUNK` frames are worked on."""

_LOUDEST = np.float32(LOUDEST)
_EDGE = TAPS + 1  # past samples in front of a line
_PEAKS = {**OPTIONS, "fastmath": {"contract", "nsz", "nnan"}}


@njit(cache=True, **OPTIONS)
def measure(block, taps, reach, past, peaks):
    """Raises each channel's peak to what a block (channels, frames) reaches; float32 throughout.

    Args:
        block: Non-finite samples count as silence.
        taps: See `true_peak.phases`.
        reach: See `true_peak.reach`.
        past: (channels, TAPS + 1), the last samples before the block, updated.
        peaks: (channels,), updated.
    """
    line, out = np.zeros(ROOM + _EDGE, np.float32), np.empty(ROOM, np.float32)
    rows = np.empty((len(taps) + 1, ROOM), np.float32)
    for channel in range(len(block)):
        take(past[channel], 0, line, 0, _EDGE)
        for start in range(0, block.shape[1], CHUNK):
            frames = min(CHUNK, block.shape[1] - start)
            take(block[channel], start, line, _EDGE, frames)
            if largest(line, frames + _EDGE) * reach > peaks[channel]:
                interpolate(line, taps, rows, frames + 2)
                summits(rows, out, frames)
                peaks[channel] = max(peaks[channel], largest(out, frames))
            take(line, frames, line, 0, _EDGE)
        take(line, 0, past[channel], 0, _EDGE)


@njit(cache=True, **OPTIONS)
def take(source, first, target, place, frames):
    """Copies `frames` values, from the front on; what isn't finite or can't be squared becomes silence."""
    for i in range(frames):
        x = source[first + i]
        target[place + i] = x if abs(x) <= _LOUDEST else np.float32(0.0)


@njit(cache=True, **_PEAKS)
def largest(x, frames):
    """The largest size among the first `frames` values."""
    most = np.float32(0.0)
    for i in range(frames):
        size = abs(x[i])
        most = size if size > most else most
    return most


@njit(cache=True, **OPTIONS)
def interpolate(line, taps, rows, places):
    """rows[k, i] = the signal k / factor samples after line[i + TAPS / 2 - 1], for 0 <= i < places.

    Sixteen places are worked on at once, so up to fifteen beyond those asked for are read and written.
    """
    width = taps.shape[1]
    for i in range(places):
        rows[0, i] = line[i + width // 2 - 1]
    for k in range(len(taps)):
        start = 0
        while start + 64 <= places:  # as many sums at once as the processor can keep busy with
            a, b, c, d = constant(0.0, 16), constant(0.0, 16), constant(0.0, 16), constant(0.0, 16)
            for m in range(width):
                h, x = taps[k, m], start + m
                a = fma(h, load(line, x, 16), a)
                b = fma(h, load(line, x + 16, 16), b)
                c = fma(h, load(line, x + 32, 16), c)
                d = fma(h, load(line, x + 48, 16), d)
            store(rows, (k + 1, start), a)
            store(rows, (k + 1, start + 16), b)
            store(rows, (k + 1, start + 32), c)
            store(rows, (k + 1, start + 48), d)
            start += 64
        while start < places:
            a = constant(0.0, 16)
            for m in range(width):
                a = fma(taps[k, m], load(line, start + m, 16), a)
            store(rows, (k + 1, start), a)
            start += 16


@njit(cache=True, **_PEAKS)
def summits(rows, out, frames):
    """out[i] = the largest size between place i + 1 of `rows` and the next one, that of a parabola where one culminates."""
    last = len(rows) - 1
    for k in range(len(rows)):
        before = rows[k - 1, 1:] if k else rows[last]
        here = rows[k, 1:]
        after = rows[k + 1, 1:] if k < last else rows[0, 2:]
        for i in range(frames):
            a, b, c = before[i], here[i], after[i]
            size, slope, bend = abs(b), c - a, 2 * b - a - c
            bend = bend if b > 0 else -bend
            # Elsewhere than around a summit, of the size, the parabola adds nothing.
            bend = bend if bend > abs(slope) else np.float32(np.inf)
            size += slope * slope / (8 * bend)
            if k == 0:
                out[i] = size
            else:
                out[i] = size if size > out[i] else out[i]
