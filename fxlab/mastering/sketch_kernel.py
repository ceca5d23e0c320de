"""A limiter's doings worked out on a sketch of a song, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from fxlab.audio.true_peak import TAPS
from fxlab.audio.true_peak_kernel import CHUNK, ROOM, interpolate, summits, take

_EDGE = TAPS + 1
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def envelope(block, taps, past, rate, per_second, clock, current, out):
    """The largest true peak of all channels in each cell; cell k ends at frame (k rate) / per_second, rounded.

    Args:
        block: (channels, frames) float32.
        taps: See `fxlab.audio.true_peak.phases`.
        past: (channels, TAPS + 1) float32, state.
        clock: (2,) int64, state: frames, from -DELAY on, and cells so far.
        current: (1,) float32, state: of the cell that isn't finished.
        out: float32, takes the cells that end here.

    Returns:
        How many cells ended.
    """
    line, rows = np.zeros(ROOM + _EDGE, np.float32), np.empty((len(taps) + 1, ROOM), np.float32)
    peaks, most = np.empty(ROOM, np.float32), np.empty(ROOM, np.float32)
    ended = 0
    for start in range(0, block.shape[1], CHUNK):
        frames = min(CHUNK, block.shape[1] - start)
        most[:frames] = 0.0
        for channel in range(len(block)):
            take(past[channel], 0, line, 0, _EDGE)
            take(block[channel], start, line, _EDGE, frames)
            interpolate(line, taps, rows, frames + 2)
            summits(rows, peaks, frames)
            for i in range(frames):
                most[i] = peaks[i] if peaks[i] > most[i] else most[i]
            take(line, frames, past[channel], 0, _EDGE)
        done = min(frames, max(0, -clock[0]))
        clock[0] += done
        while done < frames:
            cell_end = ((clock[1] + 1) * rate + per_second // 2) // per_second
            upto = min(frames, done + cell_end - clock[0])
            for i in range(done, upto):
                current[0] = most[i] if most[i] > current[0] else current[0]
            clock[0] += upto - done
            done = upto
            if clock[0] == cell_end:
                out[ended] = current[0]
                current[0] = 0.0
                ended += 1
                clock[1] += 1
    return ended


@njit(**_OPTIONS)
def limited(peaks, powers, gain, threshold, span, boxes, fast, slow, per_hop, hops):
    """Power of each hop after a gain and a limiter, as `fxlab.effects.limiter` does it, on cells instead of samples.

    Args:
        peaks: (cells,) float32, true peak of each.
        powers: (cells,) float32, K-weighted power of each.
        gain: Factor.
        threshold: Ceiling over gain.
        span: Cells that the limiter looks ahead.
        boxes: Their lengths, which add up to span + 2.
        fast, slow: What the limiter's followers keep per cell.
        per_hop: Cells per hop of 100 ms.
        hops: float64, takes the mean power of each whole hop.

    Returns:
        Mean power of all cells; the rest of a hop belongs to them too.
    """
    cells = len(peaks)
    if not cells:
        return 0.0
    reductions = np.zeros(cells + span)
    held, s, f = 0, 0.0, 0.0
    for n in range(cells + span):
        if n < cells and peaks[n] >= peaks[held]:
            held = n
        elif n - held > span:  # all that came after it was lower
            held = n - span
            for k in range(n - span, min(n + 1, cells)):
                held = k if peaks[k] >= peaks[held] else held
        level = peaks[held]
        share = threshold / (level if level > threshold else threshold)
        need = 1.0 - share
        s = need + slow * (s - need)
        f = max(need, s + fast * (f - s))
        reductions[n] = f
    for width in boxes:
        _boxed(reductions, width)
    total, hop = 0.0, 0.0
    for n in range(cells):
        kept = gain * (1.0 - reductions[n + span])
        power = kept * kept * powers[n]
        total += power
        hop += power
        if (n + 1) % per_hop == 0:
            hops[n // per_hop] = hop / per_hop
            hop = 0.0
    return total / cells


@njit(**_OPTIONS)
def _boxed(values, width):
    """Means of the last `width` values, in place."""
    recent = np.zeros(width)
    total = 0.0
    for n in range(len(values)):
        total += values[n] - recent[n % width]
        recent[n % width] = values[n]
        values[n] = total / width
