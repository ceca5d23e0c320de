"""What drives the rack: a virtual device, or real ones, which may vanish and come back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from fxlab.errors import FxlabError
from fxlab.live.rack import Rack
from fxlab.live.report import Event
from fxlab.live.virtual import VirtualDevice
from fxlab.services.live.setup import Setup

_SILENT_S, _FIRST_S = 1.5, 3.0
"""A device that hasn't called for so long, or for so long after its start, is taken for lost."""
_BEHIND_S = 0.1
"""A round trip that has become so much longer than the device said is a backlog."""
_AGAIN_S = 0.3
_WAITS_S = (0.5, 1.0, 2.0, 4.0)


class Driver(Protocol):
    """What a stream and a virtual device have in common."""

    path: str
    input_latency_s: float
    output_latency_s: float
    error: Exception | None

    @property
    def alive(self) -> bool: ...

    def start(self) -> None: ...

    def restart(self) -> None: ...

    def close(self) -> object: ...


class Player:
    """Keeps the rack playing.

    Args:
        rack: What is played.
        setup: Where.
        clock: Seconds, like `time.monotonic`.

    Attributes:
        state: Empty while it plays, else what is wrong.
        message: News since it was last emptied.
        events: Losses and returns of the device.
    """

    def __init__(self, rack: Rack, setup: Setup, clock: Callable[[], float] = time.monotonic) -> None:
        self._rack, self._setup, self._clock = rack, setup, clock
        self._gate = np.zeros(1, np.int64)  # shuts the rack for a driver that hung and wakes up later
        self._driver: Driver = self._opened()
        self.state = self.message = ""
        self.events: list[Event] = []
        self._seen, self._began = -1, 0
        self._started_at = self._seen_at = 0.0
        self._tries, self._next_try = 0, 0.0

    def _opened(self) -> Driver:
        """The first driver; a sound server that has just begun may refuse it at first."""
        try:
            return self._open()
        except FxlabError:
            if self._setup.sink is None:
                raise
            time.sleep(_AGAIN_S)
            return self._open()

    @property
    def path(self) -> str:
        return self._driver.path

    @property
    def input_latency_s(self) -> float:
        return self._driver.input_latency_s

    @property
    def output_latency_s(self) -> float:
        return self._driver.output_latency_s

    def start(self) -> None:
        self._driver.start()
        self._begin()

    def _begin(self) -> None:
        """Another thread plays from now on."""
        self._rack.begin_again()
        self._started_at = self._seen_at = self._clock()
        self._began = self._rack["position"]

    def close(self) -> None:
        self._rack.stop()
        self._driver.close()
        self._gate[0] = 0

    def tick(self) -> bool:
        """Looks after the device; true where another thread plays from now on. Raises what went wrong in the callback itself."""
        now = self._clock()
        if self._driver.error:
            raise self._driver.error
        if self.state:
            return self._retry(now) if now >= self._next_try else False
        if self._rack["position"] != self._seen:
            self._seen, self._seen_at = self._rack["position"], now
        if self._setup.sink is None:
            return False
        patience_s = _SILENT_S if self._rack["position"] > self._began else _FIRST_S
        if now - self._seen_at > patience_s:
            self._lose(now)
        elif not self._driver.alive:
            return self._revive(now, "the device stopped and was started again")
        elif self._rack["trip_s"] > _BEHIND_S + 2 * (self.input_latency_s + self.output_latency_s):
            return self._revive(now, f"the device was {self._rack['trip_s']:.1f} s behind and was started again")
        return False

    def _revive(self, now: float, words: str) -> bool:
        """Starts a device anew that is still there: PortAudio ends streams after some gaps, and a stall leaves a backlog."""
        if now - self._started_at < _SILENT_S:
            self._lose(now)  # it doesn't stay: what follows are tries with pauses
            return False
        try:
            self._driver.restart()
        except FxlabError:
            self._lose(now)
            return False
        self._begin()
        self.message = words
        return True

    def _lose(self, now: float) -> None:
        self._gate[0] = 0
        self._driver.close()
        self._note("device lost")
        self._tries = 0
        self._wait(now)

    def _wait(self, now: float) -> None:
        wait_s = _WAITS_S[min(self._tries, len(_WAITS_S) - 1)]
        self._tries += 1
        self._next_try = now + wait_s
        self.state = f"device lost, next try in {wait_s:g} s"

    def _retry(self, now: float) -> bool:
        try:
            driver = self._open(again=True)
            driver.start()
        except FxlabError:
            self._gate[0] = 0  # one that began too late to be waited for must not play beside the next
            self._wait(self._clock())
            return False
        self._driver = driver
        self._begin()
        self.state = ""
        self._note("device back")
        return True

    def _note(self, kind: str) -> None:
        at_s = self._rack["position"] / self._setup.format.sample_rate_hz
        self.events.append(Event(at_s, kind))
        self.message = f"{kind} after {at_s:.1f} s"

    def _open(self, again: bool = False) -> Driver:
        setup, form = self._setup, self._setup.format
        if setup.sink is None:
            return VirtualDevice(self._rack, form.block, form.compiled)
        from fxlab.audio import devices, portaudio
        from fxlab.live.streams import NativeStream, Plan, PortableStream

        source, sink = setup.source, setup.sink
        if again:
            portaudio.rescan()
            sink = devices.again(sink, "output")
            source = source and devices.again(source, "input")
        plan = Plan(source, sink, setup.device_channels, setup.device_channels, form.sample_rate_hz, form.block)
        gate = self._gate = np.array([self._rack.address], np.int64)
        if not form.compiled:
            self._rack.compile()
            return PortableStream(plan, lambda block, frames, flags: self._called(gate, block, frames, flags))
        from fxlab.live.rack_native import callback

        return NativeStream(plan, callback.address, gate.ctypes.data, (self._rack, gate))

    def _called(self, gate: np.ndarray, block: bytes | None, frames: int, flags: int) -> bytes:
        """PortAudio's callback where it is Python."""
        if not gate[0]:
            return bytes(4 * frames * self._setup.device_channels)
        source = np.frombuffer(block, np.float32) if block else None
        target = np.empty(frames * self._setup.device_channels, np.float32)
        self._rack.process(source, target, frames, flags)
        return target.tobytes()
