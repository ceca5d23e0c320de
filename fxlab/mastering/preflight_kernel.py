"""What a pre-flight check looks at in every sample, compiled: extremes, sums and jumps of short chunks, and flat tops."""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 64  # samples
ORDER = 3
"""Samples that precede those of a chunk: its jumps are third differences, in which steps stand out from low frequencies."""

SAME = 2.0**-15 * 1.01
"""Samples within this of an extreme are at it: one step of 16 bits, which dither may move them by."""

HIGH, LOW, SUM, JUMP, SECOND = range(5)

_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": True}
_RUN = 3  # samples at an extreme that make a flat top
_CORNER = 8 * 2.0**-15  # a flat top is left by at least so much in one sample; the top of a low sine isn't


@njit(**_OPTIONS)
def survey(audio, reach, figures, places):
    """Figures of each chunk of one channel.

    Args:
        audio: float32 (ORDER + k CHUNK,): the samples before the chunks, then those of k chunks.
        reach: Differences so near to the largest one belong to it.
        figures: float32 (5, k): takes the highest and the lowest sample, the sum, the largest jump, and the largest one out of
            its reach.
        places: int64 (k,), takes the sample of the largest jump, counted from the chunk's first.
    """
    jumps = np.empty(CHUNK, np.float32)
    for k in range(len(places)):
        at = k * CHUNK
        high = low = audio[at + ORDER]
        total = largest = np.float32(0)
        three = np.float32(3)
        for i in range(CHUNK):
            x = audio[at + i + 3]
            high, low, total = max(high, x), min(low, x), total + x
            jump = abs((x - audio[at + i]) + three * (audio[at + i + 1] - audio[at + i + 2]))
            jumps[i] = jump
            largest = max(largest, jump)
        place = 0
        while place < CHUNK - 1 and jumps[place] < largest:
            place += 1
        second = np.float32(0)
        for i in range(0, place - reach):
            second = max(second, jumps[i])
        for i in range(place + reach + 1, CHUNK):
            second = max(second, jumps[i])
        figures[HIGH, k], figures[LOW, k], figures[SUM, k] = high, low, total
        figures[JUMP, k], figures[SECOND, k], places[k] = largest, second, place


@njit(**_OPTIONS)
def products(left, right, out):
    """Of each chunk of two channels, (k CHUNK,): sums of left x right, left^2, right^2, and max |left - right|, (4, k)."""
    for k in range(out.shape[1]):
        both = a = b = apart = np.float32(0)
        for i in range(k * CHUNK, (k + 1) * CHUNK):
            x, y = left[i], right[i]
            both, a, b = both + x * y, a + x * x, b + y * y
            apart = max(apart, abs(x - y))
        out[0, k], out[1, k], out[2, k], out[3, k] = both, a, b, apart


@njit(**_OPTIONS)
def flat_tops(audio, extremes, sign, start, state, best):
    """Counts runs of samples at the highest value so far, that one of `sign` x audio.

    Args:
        audio: float32 (ORDER + k CHUNK,) as for `survey`.
        extremes: (k,): of the chunks, highest samples for `sign` 1, lowest for -1.
        start: Frame of the first chunk's first sample.
        state: float64 (6,), kept: the extreme; flat tops at it and their samples; of the run that goes on, its length, its first
            frame, and 1 where it began with a corner.
        best: int64 (2,), kept: length and first frame of the longest flat top.
    """
    for k in range(len(extremes)):
        reached = sign * extremes[k]
        if reached <= 0 or reached < state[0] - SAME:
            if state[3]:
                _close(audio, k * CHUNK + ORDER, sign, state, best)
            continue
        for i in range(k * CHUNK + ORDER, (k + 1) * CHUNK + ORDER):
            x = sign * audio[i]
            if x > state[0] + SAME:  # all before was no extreme
                state[1] = state[2] = state[3] = 0.0
                best[0] = 0
                state[0] = x
            if x >= state[0] - SAME:
                if not state[3]:
                    state[4] = start + i - ORDER
                    state[5] = 1.0 if x - sign * audio[i - 1] >= _CORNER else 0.0
                state[3] += 1.0
            elif state[3]:
                _close(audio, i, sign, state, best)


@njit(**_OPTIONS)
def _close(audio, i, sign, state, best):
    """Ends the run before sample `i`."""
    if state[3] >= _RUN and (state[5] or state[0] - sign * audio[i] >= _CORNER):
        state[1] += 1.0
        state[2] += state[3]
        if state[3] > best[0]:
            best[0], best[1] = int(state[3]), int(state[4])
    state[3] = 0.0
