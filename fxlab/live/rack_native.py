"""The rack without the interpreter, on Linux: what an audio driver calls, and a virtual device that keeps real time.

The programs must be compiled throughout. While this plays, no Python runs in the audio thread and nobody's lock is taken.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from fxlab.kernels.addresses import pointer
from fxlab.live.memory_kernel import record_at
from fxlab.live.rack_kernel import COMING, CURRENT, enter, finish, leave
from fxlab.live.rack_programs_kernel import run
from fxlab.live.records import CLOCK, RACK, SLIP
from fxlab.live.system import cpu_ns, now_ns, thread_number, wait_until

_TRIP_SHARE = 0.01
_ABORT = 2  # PortAudio's word for a stream that shall end at once
_ROOM = RACK.fields["room0"][1]


@njit(nogil=True, error_model="numpy")
def _play(at, source, target, frames, flags):
    """A whole block; arguments as in `enter` and `leave`."""
    rack = record_at(at, RACK)
    room = at + _ROOM
    if not rack.thread:
        rack.thread = thread_number()
    wanted = enter(at, source, frames, flags, now_ns(room), cpu_ns(room))
    done = 0
    if wanted & CURRENT and run(at, rack.current, frames):
        done |= CURRENT
    if wanted & COMING and run(at, rack.coming, frames):
        done |= COMING
    leave(at, target, frames, done)
    finish(at, frames, now_ns(room), cpu_ns(room))


@cfunc(types.int32(types.intp, types.intp, types.uint64, types.intp, types.uint64, types.intp), cache=True, error_model="numpy")
def callback(source, target, frames, info, flags, gate):
    """What PortAudio calls for each block (`PaStreamCallback`).

    Args:
        source, target: Addresses of interleaved float32 (frames, channels), 0 where there is no device.
        info: Address of the times of its input, of now and of its output, in seconds.
        flags: Bits for what was lost or repeated.
        gate: Address of the rack's address. Who takes that out shuts the rack for a driver that hangs and may wake up later.
    """
    at = carray(pointer(gate), (1,), np.int64)[0]
    if not at:
        return np.int32(_ABORT)
    rack = record_at(at, RACK)
    done = 0
    if info and source and target:  # there is no such time of a device that isn't there
        heard, _, played = carray(pointer(info), (3,), np.float64)
        rack.trip_s += _TRIP_SHARE * (max(played - heard, 0.0) - rack.trip_s)
    while done < np.int64(frames):
        part = min(rack.size, np.int64(frames) - done)
        heard = source + 4 * rack.inputs * done if source else 0
        played = target + 4 * rack.outputs * done if target else 0
        _play(at, heard, played, part, np.int64(flags) * (done == 0))
        done += part
    return np.int32(0)


@intrinsic
def _call(typing, function, source, target, frames, flags, gate):
    """Calls a function like `callback` by its address: compiled once is enough."""

    def generate(context, builder, _, args):
        whole = ir.IntType(64)
        kind = ir.FunctionType(ir.IntType(32), 6 * [whole])
        code, source, target, frames, flags, gate = args
        return builder.call(builder.inttoptr(code, kind.as_pointer()), [source, target, frames, whole(0), flags, gate])

    return types.int32(*6 * (types.intp,)), generate


@njit(types.void(types.intp), nogil=True, error_model="numpy", cache=True)
def keep_time(at):
    """Plays blocks in real time until the rack is stopped.

    Args:
        at: Address of a `CLOCK` record. A device that is behind by more than `SLIP` blocks begins to count anew and notes a gap.
    """
    clock = record_at(at, CLOCK)
    rack = record_at(clock.rack, RACK)
    room = clock.rack + _ROOM
    start, blocks, flags = now_ns(room), 0, 0
    while not rack.stop:
        due = start + blocks * clock.frames * 1_000_000_000 // rack.rate_hz
        wait_until(due, clock.spin_ns, room)
        rack.due_ns = due
        _call(clock.callback, clock.input, clock.output, clock.frames, flags, at)
        blocks, flags = blocks + 1, 0
        if now_ns(room) - due > SLIP * clock.frames * 1_000_000_000 // rack.rate_hz:
            start, blocks, flags = now_ns(room), 0, 1
