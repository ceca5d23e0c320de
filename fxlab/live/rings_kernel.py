"""Queues between two threads, compiled: one writes, one reads, neither ever waits."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import pointer
from fxlab.live.records import RING


@njit(nogil=True)
def ring_at(address):
    return carray(pointer(address), (1,), RING)[0]


@njit(nogil=True, error_model="numpy")
def give(address, block):
    """Appends a block (channels, frames); frames that find no room are lost and counted."""
    ring = ring_at(address)
    samples = carray(pointer(ring.at), (ring.channels, ring.size), np.float32)
    room, frames = ring.size - (ring.written - ring.read), block.shape[1]
    kept = min(room, frames)
    for c in range(ring.channels):
        row, line = block[c % block.shape[0]], samples[c]
        for i in range(kept):
            line[(ring.written + i) & (ring.size - 1)] = row[i]
    ring.lost += frames - kept
    ring.written += kept


@njit(nogil=True, error_model="numpy")
def show(address, block):
    """Appends a block for readers that look at the latest frames only: what is old is overwritten."""
    ring = ring_at(address)
    samples = carray(pointer(ring.at), (ring.channels, ring.size), np.float32)
    for c in range(ring.channels):
        row, line = block[c % block.shape[0]], samples[c]
        for i in range(len(row)):
            line[(ring.written + i) & (ring.size - 1)] = row[i]
    ring.written += block.shape[1]


@njit(nogil=True, error_model="numpy")
def take(address, block):
    """Fills a block (channels, frames); where nothing is left it is silent, and the number of such frames is returned."""
    ring = ring_at(address)
    samples = carray(pointer(ring.at), (ring.channels, ring.size), np.float32)
    frames = block.shape[1]
    found = min(ring.written - ring.read, frames)
    for c in range(block.shape[0]):
        row, line = block[c], samples[c % ring.channels]
        for i in range(found):
            row[i] = line[(ring.read + i) & (ring.size - 1)]
        row[found:] = 0.0
    ring.read += found
    ring.lost += frames - found
    return frames - found
