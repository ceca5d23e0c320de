"""A virtual device: the rack in real time without sound hardware."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import numpy as np

from fxlab.live.rack import Rack
from fxlab.live.records import CLOCK, ROOM, SLIP

SPIN_NS = 60_000
"""The last moment before a block is waited for with open eyes: a sleeper is woken by so much too late."""


class VirtualDevice:
    """Drives a rack in real time, in a thread of its own.

    Args:
        rack: With a feed, or it hears silence.
        block: Frames of each block.
        native: Whether to do without the interpreter; Linux and compiled programs only.

    Attributes:
        path: What carries the audio, in words.
        alive: Whether it still plays.
        error: What its thread raised, None if nothing.
        input_latency_s, output_latency_s: 0, there is no hardware.
    """

    input_latency_s = output_latency_s = 0.0

    def __init__(self, rack: Rack, block: int, native: bool) -> None:
        self._rack, self._block = rack, block
        self.error: Exception | None = None
        self._source = np.zeros(block * max(rack.inputs, 1), np.float32)
        self._target = np.zeros(block * max(rack.outputs, 1), np.float32)
        self._clock = np.zeros(1, CLOCK)
        for name, value in {
            "rack": rack.address,
            "input": self._source.ctypes.data,
            "output": self._target.ctypes.data,
            "frames": block,
            "spin_ns": SPIN_NS,
        }.items():
            self._clock[name] = value
        self.path = "compiled callback" if native else "Python callback"
        self._thread = threading.Thread(target=self._clockwork(native), name="audio", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def restart(self) -> None:
        """Nothing: a clock doesn't fall behind for good."""

    def close(self) -> None:
        """Ends it, at the latest after two seconds; may be called again."""
        self._rack.stop()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def _clockwork(self, native: bool) -> Callable[[], None]:
        """What the thread runs, compiled before it begins."""
        if not native:
            self._rack.compile()
            return self._guarded
        from fxlab.live.rack_native import callback, keep_time

        self._clock["callback"] = callback.address
        return lambda: keep_time(self._clock.ctypes.data)

    def _guarded(self) -> None:
        try:
            self._portable()
        except Exception as error:
            self.error = error

    def _portable(self) -> None:
        rack, block = self._rack, self._block
        length_ns = block * 1_000_000_000 // rack.sample_rate_hz
        room = np.zeros(ROOM, np.int64)
        start, blocks, flags = time.perf_counter_ns(), 0, 0
        while not rack["stop"]:
            due = start + blocks * block * 1_000_000_000 // rack.sample_rate_hz
            _wait_until(due, room)
            rack.process(self._source, self._target, block, flags, due)
            blocks, flags = blocks + 1, 0
            if time.perf_counter_ns() - due > SLIP * length_ns:
                start, blocks, flags = time.perf_counter_ns(), 0, 1


def _wait_until(due_ns: int, room: np.ndarray) -> None:
    if sys.platform == "linux":
        from fxlab.live.system import sleep_until

        sleep_until(due_ns, SPIN_NS, room.ctypes.data)
        return
    while (left_ns := due_ns - time.perf_counter_ns()) > 0:
        # Other systems' sleepers are woken up to a millisecond late.
        time.sleep(left_ns * 1e-9 - 0.001 if left_ns > 2_000_000 else 0)
