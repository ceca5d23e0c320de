"""What the rack hears: the device's input or the feed as a packed block, remembered and metered."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import pointer
from fxlab.live.memory_kernel import block_at, floats_at, note
from fxlab.live.records import FEED
from fxlab.live.rings_kernel import give, ring_at, take

LARGEST = np.finfo(np.float32).max
_FALL_DB_PER_S = 20.0
_MEAN_S = 0.3


@njit(nogil=True)
def _unweave(heard, block, inputs):
    """Interleaved samples to rows; where the device has fewer channels it repeats them, without samples there is silence."""
    for c in range(block.shape[0]):
        row = block[c]
        if len(heard):
            for i in range(len(row)):
                row[i] = heard[i * inputs + c % inputs]
        else:
            row[:] = 0.0


@njit(nogil=True)
def listen(rack, source, frames, now):
    """The block becomes what the device or the feed gives, not-a-number and infinity silence."""
    dry = block_at(rack.dry, rack.channels, frames)
    heard = floats_at(source, frames * rack.inputs) if source else floats_at(rack.dry, 0)
    if rack.returned:
        # The device's own input, as it comes, by way of a room that nobody needs yet.
        back = block_at(rack.delayed, rack.channels, frames)
        _unweave(heard, back, rack.inputs)
        give(rack.returned, back)
    if rack.feed:
        short = take(rack.feed, dry)
        feed = ring_at(rack.feed)
        if short and not feed.ended:
            note(rack, FEED, now, short)
        elif short:
            feed.lost -= short
            rack.silent += short
    else:
        _unweave(heard, dry, rack.inputs)
    for c in range(rack.channels):
        row = dry[c]
        for i in range(frames):
            row[i] = row[i] if abs(row[i]) <= LARGEST else np.float32(0.0)


@njit(nogil=True)
def meter(rack, block, side):
    """Peaks that fall slowly and mean squares over some time, for the input (0) or the output (2)."""
    frames = block.shape[1]
    meters = carray(pointer(rack.meters), (4, rack.channels), np.float64)
    fall = 10.0 ** (-_FALL_DB_PER_S / 20.0 * frames / rack.rate_hz)
    share = min(1.0, frames / (_MEAN_S * rack.rate_hz))
    for c in range(block.shape[0]):
        row, peak, power = block[c], np.float32(0.0), 0.0
        for i in range(frames):
            peak = max(peak, abs(row[i]))
            power += row[i] * row[i]
        meters[side, c] = max(meters[side, c] * fall, peak)
        meters[side + 1, c] += share * (power / frames - meters[side + 1, c])


@njit(nogil=True)
def remember(rack, dry):
    """Files the dry signal, for when it has to be heard as late as a program is."""
    history = block_at(rack.history, rack.channels, rack.history_size)
    for c in range(rack.channels):
        row, line = dry[c], history[c]
        for i in range(len(row)):
            line[(rack.position + i) & (rack.history_size - 1)] = row[i]


@njit(nogil=True)
def late(rack, latency, frames):
    """The dry block, late by so many frames."""
    history, out = block_at(rack.history, rack.channels, rack.history_size), block_at(rack.delayed, rack.channels, frames)
    for c in range(rack.channels):
        row, line = out[c], history[c]
        for i in range(frames):
            row[i] = line[(rack.position - latency + i) & (rack.history_size - 1)]
    return out
