"""The rack's audio path, compiled: what happens to one block between the device's input and its output.

    enter     the input becomes a packed block; meters, those who look on, the next program is taken
    run       a program plays the block
    leave     programs are crossfaded or replaced by the dry signal; meters, recording, output
    finish    what it took

`rack_native` does all of that without the interpreter, for programs that are compiled throughout; `Rack.process` does it for all.
Nothing here allocates, locks, or waits for anybody.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from fxlab.kernels.addresses import pointer
from fxlab.live.histogram_kernel import count
from fxlab.live.memory_kernel import block_at, floats_at, note, record_at
from fxlab.live.rack_input_kernel import listen, meter, remember
from fxlab.live.rack_programs_kernel import drop, fail, mix, sound, take_next
from fxlab.live.records import OWN, RACK, WOKEN, XRUN
from fxlab.live.rings_kernel import give, show
from fxlab.metrics.latency import BINS

CURRENT, COMING = 1, 2
"""Which programs must play a block, or did."""

_LOAD_SHARE = 0.05
_COLD = 8  # blocks at the beginning, for which caches and memory are cold
_TOO_MANY = 3  # blocks in a row: the processing doesn't fit into what the machine has to give


@njit(nogil=True)
def _restart(rack):
    carray(pointer(rack.work), (BINS,), np.int64)[:] = 0
    carray(pointer(rack.wall), (BINS,), np.int64)[:] = 0
    carray(pointer(rack.wake), (BINS,), np.int64)[:] = 0
    rack.blocks = rack.late_own = rack.late_woken = rack.xruns = rack.faults = rack.event_count = rack.first_ns = 0
    rack.longest_work_ns = rack.longest_wall_ns = rack.longest_wake_ns = 0
    rack.restart = 0


@njit(nogil=True, error_model="numpy", cache=True)
def enter(at, source, frames, flags, now, cpu):
    """Takes a block in; returns which programs must play it.

    Args:
        at: Address of the rack.
        source: Address of the device's input, float32 (frames, inputs); 0 if it has none.
        frames: 1..size.
        flags: Other than 0 if the device lost or repeated something since the last block.
        now, cpu: Time, and for how much of it the audio thread has run on a processor, in ns.
    """
    rack = record_at(at, RACK)
    if rack.restart:
        _restart(rack)
    if not rack.first_ns:
        rack.first_ns = now
    rack.begun_ns, rack.cpu_ns = now, cpu
    if rack.due_ns:
        woken = max(now - rack.due_ns, 0)
        count(rack.wake, woken)
        rack.longest_wake_ns = max(rack.longest_wake_ns, woken)
    if flags:
        rack.xruns += 1
        note(rack, XRUN, now, flags)
    listen(rack, source, frames, now)
    dry = block_at(rack.dry, rack.channels, frames)
    meter(rack, dry, 0)
    show(rack.heard, dry)
    remember(rack, dry)
    if rack.next and not rack.coming:
        take_next(at)
    return (0 if rack.dropped else CURRENT) | (COMING if rack.coming else 0)


@njit(nogil=True, error_model="numpy", cache=True)
def leave(at, target, frames, done):
    """Lets a block out.

    Args:
        at: Address of the rack.
        target: Address of the device's output, float32 (frames, outputs); 0 if it has none.
        frames: As in `enter`.
        done: Those of the programs that had to play which did.
    """
    rack = record_at(at, RACK)
    if not rack.dropped and not (done & CURRENT and sound(rack, rack.current, frames)):
        fail(rack)
    if rack.coming and not (done & COMING and sound(rack, rack.coming, frames)):
        rack.current, rack.coming = rack.coming, 0
        fail(rack)
    out = block_at(rack.mixed, rack.channels, frames)
    mix(rack, out, frames)
    meter(rack, out, 2)
    if rack.record:
        give(rack.record, out)
    if target:
        device = floats_at(target, frames * rack.outputs)
        for i in range(frames):
            for k in range(rack.outputs):
                device[i * rack.outputs + k] = out[k % rack.channels, i]
    rack.position += frames


@njit(nogil=True, error_model="numpy", cache=True)
def finish(at, frames, now, cpu):
    """Notes what a block took; the clocks as in `enter`.

    A block is late if it took longer than it lasts, or ended after the next one was due. That is the processing's own fault if it
    ran for longer than that on a processor, otherwise the system's, which woke it too late, let others run, or let it wait for
    Python. The program rests after a block too slow by itself, and when several in a row took too long, whatever the cause.
    """
    rack = record_at(at, RACK)
    deadline = frames * 1_000_000_000 // rack.rate_hz
    wall = now - rack.begun_ns
    work = min(cpu - rack.cpu_ns, wall)  # a virtual machine's clock of CPU time runs ahead now and then, by what its host took
    count(rack.wall, wall)
    count(rack.work, work)
    rack.longest_wall_ns, rack.longest_work_ns = max(rack.longest_wall_ns, wall), max(rack.longest_work_ns, work)
    rack.load += _LOAD_SHARE * (wall / deadline - rack.load)
    rack.blocks += 1
    own = work > deadline
    late = own or wall > deadline or (rack.due_ns and now > rack.due_ns + deadline)
    rack.slow_run = rack.slow_run + 1 if wall > deadline else 0
    if own:
        rack.late_own += 1
        note(rack, OWN, now, work)
    elif late:
        rack.late_woken += 1
        note(rack, WOKEN, now, now - rack.due_ns if rack.due_ns else wall)
    if (own or rack.slow_run >= _TOO_MANY) and rack.rests and rack.blocks > _COLD and not rack.dropped:
        drop(rack)
