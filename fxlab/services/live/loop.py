"""Plays out of one device and listens to what comes back into another, both in one stream and counted in the same samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace

import numpy as np

from fxlab.audio.devices import choose
from fxlab.errors import CheckError, MissingError
from fxlab.live.rack import Rack
from fxlab.live.realtime import raise_priority, undisturbed
from fxlab.live.records import FEED, XRUN
from fxlab.live.rings import Ring
from fxlab.services.live.feed import Feed
from fxlab.services.live.player import Player
from fxlab.services.live.setup import Request, Setup, set_up
from fxlab.settings import EffectSettings, LiveSettings

_IN_HAND = 4  # blocks, where nobody plays along
_ROOM_S = 8.0
_BEGINNING_S, _PATIENCE_S = 0.4, 12.0
"""So much of the beginning may be lost, since nothing is played before half of `round_trip.LEAD_S`, and so long a device may
take to get over it: on a busy machine sound servers are slow to begin, and PortAudio gives up on their first underruns."""
_PAUSE_S = 0.02
_CHANNELS = 2
_BLOCK = 4096


def loop_setup(settings: LiveSettings, effects: Sequence[EffectSettings] = (), calm: bool = False) -> Setup:
    """The devices and the chain between, with up to two inputs: nobody has to say into which one the cable goes.

    Args:
        settings: Devices, rate, buffer, callback.
        effects: The chain.
        calm: Let the devices keep much in hand: their latency doesn't matter, losing nothing does.

    Raises:
        UsageError, InputError, MissingError: As `live_setup.set_up`.
    """
    source = choose(settings.input_device or None, "input")
    sink = choose(settings.output_device or None, "output")
    channels = settings.channels or min(_CHANNELS, source.inputs, sink.outputs)
    setup = set_up(Request(list(effects), replace(settings, channels=channels)))
    if not calm:
        return setup
    least_s = _IN_HAND * setup.format.block / setup.format.sample_rate_hz
    source, sink = setup.source, setup.sink
    return replace(
        setup,
        source=replace(source, low_latency_in_s=max(least_s, source.low_latency_in_s)),
        sink=replace(sink, low_latency_out_s=max(least_s, sink.low_latency_out_s)),
    )


class Loop:
    """A signal on its way out and back, once.

    Args:
        setup: Devices, format and chain, as `loop_setup` makes it.
        blocks: What is played into the chain, float32 (1, n) each; silence after its end.
        open_player: Makes what plays the rack.

    Attributes:
        rack: The audio path.
    """

    def __init__(
        self, setup: Setup, blocks: Generator[np.ndarray, None, None], open_player: Callable[[Rack, Setup], Player] = Player
    ) -> None:
        form = setup.format
        self._setup, self._blocks = setup, blocks
        self._feed = Feed(blocks, 1, form.sample_rate_hz)
        self._returned = Ring(form.channels, round(_ROOM_S * form.sample_rate_hz))
        self.rack = Rack(
            form.channels,
            setup.device_channels,
            setup.device_channels,
            form.sample_rate_hz,
            form.block,
            setup.side.program,
            self._feed.ring,
            returned=self._returned,
            rests=False,
        )
        self._player = open_player(self.rack, setup)

    @property
    def path(self) -> str:
        """What carries the audio."""
        return self._player.path

    @property
    def claimed_s(self) -> float:
        """The round trip as the devices tell it."""
        return self._player.input_latency_s + self._player.output_latency_s

    def gaps(self, after_s: float = 0.0) -> list[float]:
        """When something was lost, in seconds since the start.

        Args:
            after_s: What happened earlier doesn't count: streams stumble when they begin.
        """
        events = self.rack.events
        lost = list(events[np.isin(events["kind"], (XRUN, FEED))]["at_ns"] * 1e-9)
        if self.rack["xruns"] > np.count_nonzero(events["kind"] == XRUN):
            lost.append(self.rack["position"] / self._setup.format.sample_rate_hz)  # too many events for all to be kept
        return [float(at_s) for at_s in lost if at_s >= after_s]

    def run(self, frames: int, take: Callable[[np.ndarray], None]) -> None:
        """Plays so many frames.

        Args:
            frames: To play and to hear.
            take: Is given what comes back, float32 (channels, n), the first sample having been heard when the first was played.

        Raises:
            MissingError: The device can't be started, or is lost.
            CheckError: The chain failed, or what came back wasn't taken in time.
            InputError: What is played can't be read.
        """
        with undisturbed():
            try:
                self._feed.start()
                self._player.start()
                self._listen(frames, take)
            finally:
                self._player.close()
                self._feed.close()
                self._blocks.close()
        if self._feed.error:
            raise self._feed.error

    def _listen(self, frames: int, take: Callable[[np.ndarray], None]) -> None:
        heard, raised, began_s = 0, False, time.monotonic()
        while heard < frames and not self._feed.error:
            block = self._returned.pull(min(_BLOCK, frames - heard))
            if self._player.tick():
                raised = False
            self._require_all_well(time.monotonic() - began_s)
            if not raised and self.rack["thread"]:
                raise_priority(self.rack["thread"])
                raised = True
            if block.shape[1]:
                heard += block.shape[1]
                take(block)
            else:
                time.sleep(_PAUSE_S)

    def _require_all_well(self, elapsed_s: float) -> None:
        at_s = self.rack["position"] / self._setup.format.sample_rate_hz
        if self._player.state and (at_s >= _BEGINNING_S or elapsed_s >= _PATIENCE_S):
            raise MissingError(f"The sound device was lost after {at_s:.1f} s.", "Connect it again, or restart its server.")
        if self.rack["faults"]:
            reason = self.rack.problem.strip().splitlines()[-1] if self.rack.problem else "it gave no usable sound"
            raise CheckError(f"{self._setup.side.text} failed: {reason}.", "Try other settings of it.")
        if self._returned.lost:
            raise CheckError("What came back could not be written in time.", "Write to a faster disk.")
