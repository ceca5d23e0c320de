"""How the rack goes from one program to the next, and to the dry signal when one fails."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.addresses import pointer
from fxlab.compiled import call_stage
from fxlab.live.memory_kernel import block_at, floats_at, note, record_at
from fxlab.live.rack_input_kernel import LARGEST, late
from fxlab.live.records import FAULT, PROGRAM, RACK, STAGE, STATE

_LONGEST_REST_S = 2
_CALM_S = 5


@njit(nogil=True, error_model="numpy", cache=True)
def run(at, address, frames):
    """Lets a compiled program play the block; true if it went well."""
    rack, program = record_at(at, RACK), record_at(address, PROGRAM)
    size, source = rack.channels * frames, rack.dry
    stages = carray(pointer(program.stages), (program.count,), STAGE)
    for stage in stages:
        floats_at(stage.dry, size)[:] = floats_at(source, size)
        if not call_stage(stage.function, stage.at, frames):
            return False
        source = stage.wet
    return True


@njit(nogil=True)
def _hand_over(old, new):
    """Copies the states that both programs have; true if the new one needs no others."""
    ours, theirs = carray(pointer(new.states), (new.state_count,), STATE), carray(pointer(old.states), (old.state_count,), STATE)
    found = 0
    for i in range(len(ours)):
        for j in range(len(theirs)):
            if ours[i].tag == theirs[j].tag and ours[i].bytes == theirs[j].bytes:
                source, target = carray(pointer(theirs[j].at), (theirs[j].bytes,), np.uint8), ours[i].at
                carray(pointer(target), (ours[i].bytes,), np.uint8)[:] = source
                found += 1
                break
    return found > 0 and found == len(ours)


@njit(nogil=True)
def take_next(rack):
    """Begins to go over to the next program, which takes over the state of the current one where it can."""
    program = record_at(rack.next, PROGRAM)
    shared = _hand_over(record_at(rack.current, PROGRAM), program)
    rack.coming = rack.next
    rack.next = 0
    rack.heard_by = 0 if shared else -program.warm
    if rack.dropped:
        # What failed isn't heard any more: the new program comes at once.
        rack.current, rack.coming, rack.dropped, rack.back = rack.coming, 0, 0, rack.fade


@njit(nogil=True)
def sound(rack, address, frames):
    """Whether a program's output holds numbers only."""
    program = record_at(address, PROGRAM)
    if program.wet:
        for x in floats_at(program.wet, rack.channels * frames):
            if not abs(x) <= LARGEST:
                return False
    return True


@njit(nogil=True)
def drop(rack):
    """The dry signal takes over from the next sample on; the step that this makes fades away.

    The more faults in a row, the longer the program rests.
    """
    if rack.coming:
        rack.current, rack.coming = rack.coming, 0
    rack.rest = min(2 * rack.rest, _LONGEST_REST_S * rack.rate_hz) if rack.calm < _CALM_S * rack.rate_hz else rack.hold
    rack.dropped, rack.calm, rack.back, rack.fading = max(rack.rest, 1), 0, 0, -1


@njit(nogil=True)
def fail(rack, frames):
    """A program raised an error or made no numbers: it is replaced and the event noted."""
    rack.faults += 1
    note(rack, FAULT, rack.begun_ns, 0)
    drop(rack)


@njit(nogil=True)
def _crossfade(rack, out, frames):
    """Fades the coming program in over what is there."""
    coming, whole = record_at(rack.coming, PROGRAM), np.float32(rack.fade)
    fresh = block_at(coming.wet, rack.channels, frames) if coming.wet else late(rack, coming.latency, frames)
    gain = np.float32(coming.gain)
    for c in range(rack.channels):
        row = out[c]
        for i in range(frames):
            share = min(max(np.float32(rack.heard_by + i + 1) / whole, np.float32(0.0)), np.float32(1.0))
            row[i] = (np.float32(1.0) - share) * row[i] + share * (gain * fresh[c, i])
    rack.heard_by += frames
    if rack.heard_by >= rack.fade:
        rack.current, rack.coming = rack.coming, 0


@njit(nogil=True)
def mix(rack, out, frames):
    """What is heard of the programs, the last samples noted."""
    current, last, step = (
        record_at(rack.current, PROGRAM),
        floats_at(rack.last, rack.channels),
        floats_at(rack.step, rack.channels),
    )
    dry = late(rack, current.latency, frames)
    wet = block_at(current.wet, rack.channels, frames) if current.wet else dry
    whole = np.float32(rack.fade)
    if rack.fading == -1:
        history = block_at(rack.history, rack.channels, rack.history_size)
        before = (rack.position - current.latency - 1) & (rack.history_size - 1)
        for c in range(rack.channels):
            step[c] = last[c] - history[c, before]
        rack.fading = rack.fade
    for c in range(rack.channels):
        row, gain = out[c], np.float32(current.gain)
        if rack.dropped:
            for i in range(frames):
                left = max(np.float32(rack.fading - 1 - i), np.float32(0.0)) / whole
                row[i] = dry[c, i] + step[c] * left
        elif rack.back > 0:
            for i in range(frames):
                left = max(np.float32(rack.back - 1 - i), np.float32(0.0)) / whole
                row[i] = gain * wet[c, i] * (np.float32(1.0) - left) + dry[c, i] * left
        else:
            for i in range(frames):
                row[i] = gain * wet[c, i]
    if rack.coming:
        _crossfade(rack, out, frames)
    for c in range(rack.channels):
        last[c] = out[c, frames - 1]
    rack.calm += frames
    rack.back = max(rack.back - frames, 0)
    if rack.dropped:
        rack.fading = max(rack.fading - frames, 0)
        rack.dropped = max(rack.dropped - frames, 0)
        rack.back = 0 if rack.dropped else rack.fade
