"""The rack: what keeps the audio going, whatever happens around it, and what the rest of the program sees of it.

It plays one program at a time. Everything that changes what is heard - parameters, bypass, A/B, another profile - is the next
program, prepared elsewhere, handed over by one store of its address and faded in by the audio thread. The audio thread's work is
in `rack_kernel`; an audio driver or a clock calls it without the interpreter (`rack_native`), or through `process`.
"""

from __future__ import annotations

import threading
import time
import traceback

import numpy as np
from numba import types

from fxlab.live.program import LATEST, Program
from fxlab.live.rack_kernel import COMING, CURRENT, enter, finish, leave
from fxlab.live.rack_programs_kernel import run
from fxlab.live.records import EVENT, EVENTS, RACK
from fxlab.live.rings import Ring
from fxlab.metrics.latency import BINS

FADE_S = 0.02
"""Length of every crossfade."""
_HOLD_S = 0.1
_HEARD_S = 6.0
_KEPT_S = 1.0


class Rack:
    """The audio path of one stream.

    Args:
        channels: That are processed.
        inputs: Of the device; 0 if it has none. Channel c hears input c modulo these.
        outputs: Of the device; 0 if it has none. Output k plays channel k modulo `channels`.
        sample_rate_hz: Of the stream.
        block: Most frames in a block.
        program: What is heard first.
        feed: What is heard instead of the device's input, None for that.
        record: Takes what is played, None if nobody wants it.
        returned: Takes the device's input.
        rests: Whether a program that is too slow makes room for the dry signal; false to measure it.

    Attributes:
        address: Of the rack, what the callback needs.
        heard: The input of the last seconds, for whoever wants to look at it.
        problem: Text of the last exception that a processor raised, with its traceback; empty for none.
    """

    def __init__(
        self,
        channels: int,
        inputs: int,
        outputs: int,
        sample_rate_hz: int,
        block: int,
        program: Program,
        feed: Ring | None = None,
        record: Ring | None = None,
        returned: Ring | None = None,
        rests: bool = True,
    ) -> None:
        self.channels, self.inputs, self.outputs = channels, inputs, outputs
        self.sample_rate_hz, self.block = sample_rate_hz, block
        self.heard = Ring(channels, round(_HEARD_S * sample_rate_hz))
        self.problem = ""
        self._rings = feed, record, returned  # kept alive: compiled code knows their addresses only
        size = channels * block
        history = 1 << (LATEST + block).bit_length()
        self._floats = {name: np.zeros(size, np.float32) for name in ("dry", "mixed", "delayed")}
        self._floats |= {"history": np.full(channels * history, 0, np.float32)}  # in memory at once, as rings are
        self._floats |= {name: np.zeros(channels, np.float32) for name in ("last", "step")}
        self.meters = np.zeros((4, channels))
        self.work, self.wall, self.wake = (np.zeros(BINS, np.int64) for _ in range(3))
        self._events = np.zeros(EVENTS, EVENT)
        self._memory = np.zeros(1, RACK)
        fixed = {name: array.ctypes.data for name, array in self._floats.items()}
        fixed |= {name: ring.address for name, ring in (("feed", feed), ("record", record), ("returned", returned)) if ring}
        fixed |= {
            "channels": channels,
            "inputs": max(inputs, 1),
            "outputs": outputs,
            "size": block,
            "rate_hz": sample_rate_hz,
            "fade": max(1, round(FADE_S * sample_rate_hz)),
            "rests": rests,
            "hold": round(_HOLD_S * sample_rate_hz),
            "calm": 1 << 40,
            "history_size": history,
            "heard": self.heard.address,
            "meters": self.meters.ctypes.data,
            "work": self.work.ctypes.data,
            "wall": self.wall.ctypes.data,
            "wake": self.wake.ctypes.data,
            "events": self._events.ctypes.data,
            "current": program.address,
        }
        for name, value in fixed.items():
            self._memory[name] = value
        self.address = self._memory.ctypes.data
        self._programs = {program.address: (program, 0.0)}
        self._latest = program
        self._dry_views: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()  # of those who load programs; the audio thread never takes it

    def __getitem__(self, field: str) -> int | float:
        """A field of the rack's record."""
        return self._memory[field][0].item()

    @property
    def program(self) -> Program:
        """The program loaded last: heard already, or soon."""
        return self._latest

    def load(self, program: Program) -> None:
        """Goes over to another program, prepared for this rack's rate, channels and block; it replaces one that waits."""
        with self._lock:
            self._forget()
            self._programs[program.address] = (program, time.monotonic())
            self._latest = program
            self._memory["next"] = program.address

    def _forget(self) -> None:
        """Lets go of programs that the audio thread is done with: that weren't in use at two looks some time apart.

        At a single look one may be on its way from one field to the next.
        """
        now = time.monotonic()
        used = {self["next"], self["coming"], self["current"]}
        for address, (program, seen) in list(self._programs.items()):
            if address in used:
                self._programs[address] = (program, now)
            elif now - seen > _KEPT_S:
                del self._programs[address]

    def restart(self) -> None:
        """Begins the statistics anew with the next block."""
        self._memory["restart"] = 1

    def stop(self) -> None:
        """Ends a clock that drives the rack."""
        self._memory["stop"] = 1

    def begin_again(self) -> None:
        """For a thread that plays from now on in place of one that is gone."""
        self._memory["thread"], self._memory["trip_s"] = 0, 0.0

    @property
    def events(self) -> np.ndarray:
        """The first events since the start of the statistics, records of `EVENT`; `event_count` are there in all."""
        return self._events[: min(self["event_count"], EVENTS)].copy()

    @staticmethod
    def compile() -> None:
        """Makes `process` ready, which otherwise its first block would do."""
        for function, arguments in ((enter, 6), (run, 3), (leave, 4), (finish, 4)):
            function.compile(arguments * (types.intp,))

    def process(self, source: np.ndarray | None, target: np.ndarray | None, frames: int, flags: int = 0, due_ns: int = 0) -> None:
        """One block through the interpreter.

        Args:
            source: float32 (frames * inputs,), interleaved; None without input.
            target: float32 (frames * outputs,), interleaved, or room for more; None without output.
            flags: Other than 0 where the device lost or repeated something.
            due_ns: When the block should have begun by `time.perf_counter_ns`, 0 if nobody knows.
        """
        heard, played = (0 if array is None else array.ctypes.data for array in (source, target))
        if not self["thread"]:
            self._memory["thread"] = threading.get_native_id()
        self._memory["due_ns"] = due_ns
        wanted = enter(self.address, heard, frames, flags, time.perf_counter_ns(), time.thread_time_ns())
        done = 0
        for which, place in ((CURRENT, "current"), (COMING, "coming")):
            if wanted & which and self._play(self[place], frames):
                done |= which
        faults = self["faults"]
        leave(self.address, played, frames, done)
        if self["faults"] > faults and not (failed := self._programs[self["current"]][0]).compiled:
            failed.chain.reset()  # what compiled code can't reach of it
        finish(self.address, frames, time.perf_counter_ns(), time.thread_time_ns())

    def _play(self, address: int, frames: int) -> bool:
        program = self._programs[address][0]
        if program.compiled:
            return run(self.address, address, frames)
        dry = self._dry_views.get(frames)
        if dry is None:
            dry = self._dry_views[frames] = self._floats["dry"][: self.channels * frames].reshape(self.channels, frames)
        try:
            program.play(dry)
        except Exception:
            self.problem = traceback.format_exc()
            return False
        return True
