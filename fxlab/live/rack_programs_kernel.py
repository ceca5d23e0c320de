"""How the rack goes from one program to the next, and to the dry signal when one fails."""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import exchange, pointer
from fxlab.kernels.stages import call_stage
from fxlab.live.memory_kernel import block_at, floats_at, note, record_at
from fxlab.live.rack_input_kernel import LARGEST, late
from fxlab.live.records import FAULT, PROGRAM, RACK, STAGE, STATE

_NEXT = RACK.fields["next"][1]
_LONGEST_REST_S = 2
_CALM_S = 5


@njit(nogil=True, error_model="numpy", cache=True)
def run(at, address, frames):
    """Lets a compiled program play the block; true if it went well."""
    rack, program = record_at(at, RACK), record_at(address, PROGRAM)
    size, source = rack.channels * frames, rack.dry
    stages = carray(pointer(program.stages), (program.count,), STAGE)
    for stage in stages:
        _copy(source, stage.dry, 4 * size)
        if not call_stage(stage.function, stage.at, frames):
            return False
        source = stage.wet
    return True


@njit(nogil=True)
def _states_of(program):
    return carray(pointer(program.states), (program.state_count,), STATE)


@njit(nogil=True)
def _copy(source, target, size):
    here, there = carray(pointer(source), (size,), np.uint8), carray(pointer(target), (size,), np.uint8)
    for i in range(size):  # an assignment of slices would take Numba four seconds more to compile
        there[i] = here[i]


@njit(nogil=True)
def _begin_anew(program):
    """A program forgets what it has heard."""
    for state in _states_of(program):
        _copy(state.fresh, state.at, state.bytes)


@njit(nogil=True)
def _hand_over(old, new):
    """Copies the states that both programs have, and begins the others anew; true if there are no others."""
    found = 0
    for ours in _states_of(new):
        source = ours.fresh
        for theirs in _states_of(old):
            if ours.tag == theirs.tag and ours.bytes == theirs.bytes:
                source = theirs.at
                found += 1
                break
        _copy(source, ours.at, ours.bytes)
    return found > 0 and found == new.state_count


@njit(nogil=True)
def take_next(at):
    """Begins to go over to the next program, which takes over the state of the current one where it can."""
    rack = record_at(at, RACK)
    taken = exchange(at + _NEXT, 0)  # in one step: another may be put there meanwhile
    if taken == rack.current:
        return  # a change that was taken back before it was heard
    program = record_at(taken, PROGRAM)
    shared = _hand_over(record_at(rack.current, PROGRAM), program)
    if rack.dropped:
        # What failed isn't heard any more: the new program comes at once.
        rack.current, rack.dropped, rack.back, rack.fading = taken, 0, rack.fade + program.latency, -1
    else:
        rack.coming, rack.heard_by = taken, 0 if shared else -program.warm


@njit(nogil=True)
def sound(rack, address, frames):
    """Whether a program's output holds numbers only, also after its gain."""
    program = record_at(address, PROGRAM)
    gain = np.float32(program.gain)
    if program.wet:
        for x in floats_at(program.wet, rack.channels * frames):
            if not abs(gain * x) <= LARGEST:
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
def fail(rack):
    """The current program raised an error or made no numbers: it is replaced and the event noted.

    What it remembers may be beyond numbers: it will begin anew, and so will the one that comes, which may have taken that over.
    """
    _begin_anew(record_at(rack.current, PROGRAM))
    if rack.coming:
        _begin_anew(record_at(rack.coming, PROGRAM))
    rack.faults += 1
    note(rack, FAULT, rack.begun_ns, 0)
    drop(rack)


@njit(nogil=True)
def _ease(t):
    """From 0 to 1 without a corner: what a new program's filters make of the state they took over is hardly heard at first."""
    t = min(max(t, np.float32(0.0)), np.float32(1.0))
    return t * t * (np.float32(3.0) - np.float32(2.0) * t)


@njit(nogil=True)
def _crossfade(rack, out, frames):
    """Fades the coming program in over what is there."""
    coming, whole = record_at(rack.coming, PROGRAM), np.float32(rack.fade)
    fresh = block_at(coming.wet, rack.channels, frames) if coming.wet else late(rack, coming.latency, frames)
    gain = np.float32(coming.gain)
    for c in range(rack.channels):
        row = out[c]
        for i in range(frames):
            share = _ease(np.float32(rack.heard_by + i + 1) / whole)
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
            step[c] = step[c] if abs(step[c]) <= LARGEST else np.float32(0.0)
        rack.fading = rack.fade
    for c in range(rack.channels):
        row, gain = out[c], np.float32(current.gain)
        if rack.dropped:
            for i in range(frames):
                row[i] = dry[c, i]
        elif rack.back > 0:
            for i in range(frames):
                left = _ease(np.float32(rack.back - 1 - i) / whole)
                row[i] = gain * wet[c, i] * (np.float32(1.0) - left) + dry[c, i] * left
        else:
            for i in range(frames):
                row[i] = gain * wet[c, i]
        if rack.fading:
            for i in range(frames):
                row[i] += step[c] * _ease(np.float32(rack.fading - 1 - i) / whole)
    if rack.coming:
        _crossfade(rack, out, frames)
    for c in range(rack.channels):
        last[c] = out[c, frames - 1]
    rack.calm += frames
    rack.back, rack.fading = max(rack.back - frames, 0), max(rack.fading - frames, 0)
    if rack.dropped:
        rack.dropped = max(rack.dropped - frames, 0)
        rack.back = 0 if rack.dropped else rack.fade + current.latency
