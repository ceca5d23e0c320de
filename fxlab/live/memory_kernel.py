"""Records, samples and events at addresses, for compiled code."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import pointer
from fxlab.live.records import EVENT, EVENTS


@njit(nogil=True)
def record_at(address, kind):
    """The record at an address."""
    return carray(pointer(address), (1,), kind)[0]


@njit(nogil=True)
def floats_at(address, size):
    return carray(pointer(address), (size,), np.float32)


@njit(nogil=True)
def block_at(address, channels, frames):
    return carray(pointer(address), (channels, frames), np.float32)


@njit(nogil=True)
def note(rack, kind, at_ns, value):
    """Files an event."""
    if rack.event_count < EVENTS:
        event = carray(pointer(rack.events), (EVENTS,), EVENT)[rack.event_count]
        event.kind, event.at_ns, event.value = kind, at_ns - rack.first_ns, value
    rack.event_count += 1
