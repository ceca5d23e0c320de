"""`fxlab live --measure-latency`: the round trip through a cable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.audio import round_trip
from fxlab.audio.round_trip import RoundTrip
from fxlab.progress import Progress, silent
from fxlab.services.live.loop import Loop, loop_setup
from fxlab.services.live.player import Player
from fxlab.services.live.remembered import remember
from fxlab.services.live.setup import Setup
from fxlab.settings import LiveSettings


@dataclass(frozen=True)
class Latency:
    """A measurement.

    Args:
        source, sink: Names of the devices.
        sample_rate_hz, buffer: Of the stream.
        path: What carried the audio.
        found: What came back.
        claimed_s: The round trip as PortAudio tells it, in seconds.
        xruns: Gaps that the device reported while it was measured, those of its start left out.
        remembered: Whether the list of devices will show it.
    """

    source: str
    sink: str
    sample_rate_hz: int
    buffer: int
    path: str
    found: RoundTrip
    claimed_s: float
    xruns: int
    remembered: bool

    @property
    def seconds(self) -> float:
        return self.found.samples / self.sample_rate_hz

    @property
    def spread_s(self) -> float:
        return self.found.spread / self.sample_rate_hz

    def to_json(self) -> dict[str, Any]:
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "found"}
        return {**own, **dataclasses.asdict(self.found), "round_trip_s": self.seconds, "spread_s": self.spread_s}


def measure(settings: LiveSettings, progress: Progress = silent) -> Latency:
    """Plays bursts out of the output and finds them in the input; about four seconds.

    Raises:
        MissingError: No device, or nothing comes back.
        CheckError: The input is overdriven, or the delay isn't steady.
        UsageError: The devices can't do what is asked.
    """
    setup = loop_setup(settings)
    latency = measure_through(setup, progress)
    kept = remember(latency.source, latency.sink, latency.sample_rate_hz, latency.buffer, latency.seconds)
    return dataclasses.replace(latency, remembered=kept)


def measure_through(setup: Setup, progress: Progress = silent, open_player: Callable[..., Player] = Player) -> Latency:
    """The same through a given set-up, without remembering it."""
    rate = setup.format.sample_rate_hz
    sound = round_trip.signal(rate)
    loop = Loop(setup, (block for block in [sound[None]]), open_player)
    heard: list[np.ndarray] = []
    done = 0

    def take(block: np.ndarray) -> None:
        nonlocal done
        heard.append(block)
        done += block.shape[1]
        progress("Measuring", done / rate, len(sound) / rate)

    loop.run(len(sound), take)
    gaps = len(loop.gaps(round_trip.LEAD_S / 2))
    return Latency(
        setup.source.name,
        setup.sink.name,
        rate,
        setup.format.block,
        loop.path,
        round_trip.find(np.concatenate(heard, axis=1), rate, gaps),
        loop.claimed_s,
        gaps,
        False,
    )
