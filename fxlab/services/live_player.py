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
from fxlab.services.live_setup import Setup

_SILENT_S = 1.5
"""A device that hasn't called for so long is taken for lost."""
_WAITS_S = (0.5, 1.0, 2.0, 4.0)


class Driver(Protocol):
    """What a stream and a virtual device have in common."""

    path: str
    input_latency_s: float
    output_latency_s: float

    @property
    def alive(self) -> bool: ...

    def start(self) -> None: ...

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
        self._driver: Driver = self._open()
        self.state = self.message = ""
        self.events: list[Event] = []
        self._seen, self._seen_at = -1, 0.0
        self._tries, self._next_try = 0, 0.0

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
        self._seen_at = self._clock()

    def close(self) -> None:
        self._rack.stop()
        self._driver.close()

    def tick(self) -> bool:
        """Looks after the device; true where another thread plays from now on."""
        now = self._clock()
        if self.state:
            return self._retry(now) if now >= self._next_try else False
        if self._rack["position"] != self._seen:
            self._seen, self._seen_at = self._rack["position"], now
        if self._setup.sink is not None and (now - self._seen_at > _SILENT_S or not self._driver.alive):
            self._lose(now)
        return False

    def _lose(self, now: float) -> None:
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
            self._wait(self._clock())
            return False
        self._driver = driver
        self._rack.begin_again()
        self.state, self._seen_at = "", self._clock()
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
            sink = devices.choose(sink.name, "output")
            source = source and devices.choose(source.name, "input")
        plan = Plan(source, sink, setup.device_channels, setup.device_channels, form.sample_rate_hz, form.block)
        if not form.compiled:
            return PortableStream(plan, self._called)
        from fxlab.live.rack_native import callback

        return NativeStream(plan, callback.address, self._rack.address, self._rack)

    def _called(self, block: bytes | None, frames: int, flags: int) -> bytes:
        """PortAudio's callback where it is Python."""
        source = np.frombuffer(block, np.float32) if block else None
        target = np.empty(frames * self._setup.device_channels, np.float32)
        self._rack.process(source, target, frames, flags)
        return target.tobytes()
