"""What the rack's compiled code and its Python side share: records in memory, field by field.

All fields are 8 bytes wide, so that each is read and written as a whole. The control thread writes `next`, `restart`, `stop` and
what is fixed before the stream starts; the audio thread everything else.
"""

from __future__ import annotations

import numpy as np


def _record(*names: str) -> np.dtype:
    """int64 fields; names that end in `!` are float64."""
    return np.dtype([(name.rstrip("!"), np.float64 if name.endswith("!") else np.int64) for name in names])


RING = _record(
    "at",  # float32 (channels, size)
    "channels",
    "size",  # frames, a power of two
    "written",  # frames ever
    "read",
    "ended",  # whether the writer has finished
    "lost",  # frames that found no room, or that were asked for in vain
)
"""A queue between two threads, one of which writes and one reads."""

STAGE = _record("function", "at", "dry", "wet")
"""A processor as `fxlab.kernels.stages` makes it: addresses."""

STATE = _record("tag", "at", "bytes", "fresh")
"""An array of a program's state, and the address of a copy from before it played; arrays of the same tag mean the same."""

PROGRAM = _record(
    "stages",  # address of its STAGE records
    "count",  # of them; 0 for a program that only Python can play, and for the dry signal
    "wet",  # address of its output; 0 for the dry signal
    "latency",  # frames
    "gain!",
    "warm",  # frames that it must have heard before it is heard, if it can't take over a state
    "states",  # address of its STATE records
    "state_count",
)
"""A chain that the rack can play."""

EVENT = _record("kind", "at_ns", "value")
OWN, WOKEN, XRUN, FAULT, FEED = range(5)
"""Kinds of events: late by its own processing, late because of the system, a gap that the device reports, a processor that
failed, a file that wasn't read in time."""
EVENTS = 1024
"""Events that are kept in full; further ones are only counted."""

ROOM = 2
"""int64 entries of scratch memory that system calls need."""

RACK = _record(
    # fixed
    "channels",
    "inputs",  # of the device
    "outputs",
    "size",  # frames of a block
    "rate_hz",
    "fade",  # frames of a crossfade
    "rests",  # whether a program that is too slow makes room for the dry signal
    "hold",  # frames of the first rest after a fault
    "dry",  # address of float32 (channels, size), packed for each block
    "mixed",  # the same, what is heard
    "delayed",  # the same, dry for the latency of a program
    "history",  # address of float32 (channels, history_size), what was heard
    "history_size",  # a power of two
    "last",  # address of float32 (channels,), the last samples played
    "step",  # address of float32 (channels,), what a cut left to fade away
    "feed",  # addresses of rings, 0 for none: the input in place of the device's,
    "record",  # what is played,
    "returned",  # the device's input
    "heard",  # and the input for those who look on, who may miss some
    "meters",  # address of float64 (4, channels): peaks and mean squares of the input, then of the output
    "work",  # addresses of int64 (latency.BINS,): CPU time,
    "wall",  # time
    "wake",  # and lateness of waking
    "events",  # address of EVENT records
    # written by the control thread
    "next",  # address of the program to go on with, 0 for none
    "due_ns",  # when the block that follows should begin; 0 if nobody knows
    "restart",  # whether the statistics begin anew
    "stop",
    # written by the audio thread
    "current",  # addresses of programs: the one that is heard
    "coming",  # and the one faded in, 0 for none
    "heard_by",  # frames that the coming one has played so far, less those that it only listens
    "dropped",  # frames for which the dry signal still replaces the program, 0 if it doesn't
    "back",  # frames until it is heard alone again after that: what it was late by, and a fade
    "fading",  # frames for which `step` still fades away
    "rest",  # frames of the next rest
    "calm",  # frames since the last one
    "position",  # frames played
    "silent",  # frames played after the end of the feed
    "thread",
    "begun_ns",
    "cpu_ns",
    "first_ns",
    "blocks",
    "late_own",
    "late_woken",
    "slow_run",  # blocks in a row that took too long
    "xruns",
    "faults",
    "event_count",
    "longest_work_ns",
    "longest_wall_ns",
    "longest_wake_ns",
    "trip_s!",  # from input to output as the device tells, averaged over the last blocks; 0 if it doesn't
    "load!",  # share of the deadline, averaged over the last blocks
    *(f"room{i}" for i in range(ROOM)),
)
"""The rack."""

CLOCK = _record("rack", "callback", "input", "output", "frames", "spin_ns")
"""A virtual device. It begins with the rack's address, as what a callback is given does."""
SLIP = 4
"""Blocks by which a virtual device may be behind before it gives up catching up, as a sound card would have to."""
