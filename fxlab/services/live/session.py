"""A stream from its start to its end: the rack, what drives it, what feeds and records it, and what can be seen of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import starmap
from operator import attrgetter

import numpy as np

from fxlab.errors import FxlabError, UsageError
from fxlab.live.rack import Rack
from fxlab.live.realtime import raise_priority
from fxlab.live.records import FAULT, FEED, OWN, WOKEN, XRUN
from fxlab.live.report import Event, Report
from fxlab.live.snapshot import Level, Snapshot
from fxlab.metrics.latency import coarse
from fxlab.services.live.analyzer import Spectra
from fxlab.services.live.board import Board
from fxlab.services.live.feed import Feed, Recorder
from fxlab.services.live.midi import Midi, parse_map
from fxlab.services.live.player import Player
from fxlab.services.live.setup import Request, Setup
from fxlab.services.live.times import Recent, mean_s, times_of
from fxlab.services.live.view import View
from fxlab.settings import LiveSettings

_CHECK_S = 1.0
_KINDS = {OWN: "late", WOKEN: "woken late", XRUN: "xrun", FAULT: "fault", FEED: "file late"}


class Session:
    """A running stream.

    Args:
        request: As it was asked for.
        setup: What became of it.

    Attributes:
        board: Its controls.
        rack: Its audio path.
    """

    def __init__(self, request: Request, setup: Setup) -> None:
        self.setup = setup
        form = setup.format
        self._feed = Feed(setup.blocks, form.channels, form.sample_rate_hz) if setup.blocks is not None else None
        program, self._recorder = setup.side.program, None
        if request.output:
            self._recorder = Recorder(
                request.output, form.channels, form.sample_rate_hz, program.latency, setup.frames, request.force
            )
            request.notes += [f"A recording that was cut off is {path} now." for path in self._recorder.rescued]
        self._limit = None if request.duration_s is None else round(request.duration_s * form.sample_rate_hz)
        self.rack = Rack(
            form.channels,
            setup.device_channels if setup.source else 0,
            setup.device_channels if setup.sink else 0,
            form.sample_rate_hz,
            form.block,
            program,
            self._feed.ring if self._feed else None,
            self._recorder.ring if self._recorder else None,
            # Where nobody listens, a recording that comes late is none the worse for it.
            rests=not (self._recorder and setup.sink is None),
        )
        self.board = Board(setup.side, form, request.presets, lambda: self.rack.heard.latest(3 * form.sample_rate_hz))
        self._actions: deque[Callable[[], None]] = deque()
        self._midi = self._listen(request.settings)
        try:
            self._player = Player(self.rack, setup)
        except BaseException:
            if self._midi:
                self._midi.close()
            raise
        self._latency = program.latency
        self._problem = self._priority = ""
        self._recent = Recent()
        self._stopped = False
        self._checked = 0.0
        self._view: View | None = None

    def start(self) -> None:
        """Lets it play; raises `MissingError` or `UsageError` where the device can't."""
        if self._feed:
            self._feed.start()
        if self._recorder:
            self._recorder.start()
        self._player.start()
        until = time.monotonic() + _CHECK_S
        while not self.rack["thread"] and time.monotonic() < until:
            time.sleep(0.001)
        self._prioritise()

    def _prioritise(self) -> None:
        if self.rack["thread"] and not self._priority:
            self._priority = raise_priority(self.rack["thread"])

    def tick(self) -> None:
        """What has to be done now and then, some fifty times a second: changes are handed to the rack, the device is watched."""
        while self._actions:
            self._actions.popleft()()
        if self._midi and time.monotonic() - self._checked > _CHECK_S:
            self._checked = time.monotonic()
            self._midi.check()
        program = self.board.refresh()
        if program is not None:
            self.rack.load(program)
        if self._player.tick():
            self._priority = ""
        self._prioritise()
        if self.rack.problem != self._problem:
            self._problem = self.rack.problem
            self.board.message = f"the processor failed: {self._problem.strip().splitlines()[-1]}"
        if self._player.message:
            self.board.message, self._player.message = self._player.message, ""

    @property
    def done(self) -> bool:
        """Whether it has ended by itself: the time is over, the file played to its end, or the recording failed."""
        if self._stopped or (self._recorder and self._recorder.error):
            return True
        if self._limit is not None and self.rack["position"] >= self._limit:
            return True
        if self._recorder and self._recorder.full:
            return True
        return self._feed is not None and self._feed.ring.ended and self.rack["silent"] >= max(1, self._latency)

    def act(self, action: str) -> None:
        """Does what a key or a controller asks for."""
        if action == "quit":
            self._stopped = True
        elif action == "reset":
            self.rack.restart()
            self.board.message = "statistics begin anew"
        else:
            self.board.act(action)

    def look(self, bands_per_octave: int = 6) -> Spectra:
        """Spectra of what comes in, and of what the chain and its twin make of it; for one thread, 10 to 20 times a second."""
        if self._view is None:
            self._view = View(self.rack.heard, self.setup.format.sample_rate_hz, bands_per_octave)
        compared = self.board.compared
        try:
            return self._view.look(compared)
        except UsageError:  # the twin runs at another rate
            return self._view.look(compared[:1])

    def snapshot(self) -> Snapshot:
        rack, form, board = self.rack, self.setup.format, self.board
        state, trouble = self._state()
        original, twin = board.sounds
        return Snapshot(
            playing=board.side.text,
            state=state,
            trouble=trouble,
            path=self._player.path,
            source=self.setup.source_name,
            sink=self.setup.sink_name,
            priority=self._priority,
            sample_rate_hz=form.sample_rate_hz,
            buffer=form.block,
            channels=form.channels,
            elapsed_s=rack["position"] / form.sample_rate_hz,
            duration_s=self._duration_s(),
            input=self._levels(0),
            output=self._levels(2),
            load=rack["load"],
            recent=self._recent.times(rack.wall, rack["longest_wall_ns"]),
            total=times_of(rack.wall, rack["longest_wall_ns"]),
            deadline_s=form.block / form.sample_rate_hz,
            device_s=self._player.input_latency_s + self._player.output_latency_s,
            buffer_s=form.block / form.sample_rate_hz,
            processor_s=board.side.program.latency / form.sample_rate_hz,
            late_own=rack["late_own"],
            late_woken=rack["late_woken"],
            xruns=rack["xruns"],
            faults=rack["faults"],
            knobs=board.knobs(),
            bypassed=board.bypassed,
            original=original,
            twin=twin,
            on_twin=board.on_twin,
            recorded_s=self._recorder.written / form.sample_rate_hz if self._recorder else None,
            message=board.message,
        )

    def close(self) -> Report:
        """Ends it and tells all about it; raises what went wrong with the file that was read or recorded."""
        self._player.close()
        if self._midi:
            self._midi.close()
        if self._feed:
            self._feed.close()
        try:
            if self._recorder:
                self._recorder.close()
        finally:
            report = self._report()
        if self._feed and self._feed.error:
            raise self._feed.error
        return report

    def abandon(self) -> None:
        """Ends it after an error, without a word; may come after a `close` that didn't get to its end."""
        for helper in (self._player, self._midi, self._feed, self._recorder):
            if helper:
                try:
                    helper.close()
                except (FxlabError, RuntimeError, OSError):
                    continue

    def _listen(self, settings: LiveSettings) -> Midi | None:
        """Controllers, whose thread only notes what is to be done in `tick`."""
        if not settings.midi:
            return None
        board, later = self.board, self._actions.append
        pairs = ",".join(f"{number}={name}" for number, name in settings.midi_map.items())
        mapping = parse_map(pairs, board.side.names) if pairs else {}  # programs and the pedal need no map
        return Midi(
            settings.midi,
            mapping,
            on_parameter=lambda name, share: later(lambda: board.move(name, share)),
            on_profile=lambda number: later(lambda: board.act(f"profile {number + 1}")),
            on_bypass=lambda: later(lambda: board.act("bypass")),
            on_message=lambda text: later(lambda: setattr(board, "message", text)),
        )

    def _state(self) -> tuple[str, bool]:
        if self._player.state:
            return self._player.state, True
        if self.rack["dropped"]:
            return "dry after a fault", True
        return ("bypassed" if self.board.bypassed else "playing"), False

    def _duration_s(self) -> float | None:
        ends = [frames for frames in (self._limit, self.setup.frames) if frames is not None]
        return min(ends) / self.setup.format.sample_rate_hz if ends else None

    def _levels(self, side: int) -> tuple[Level, ...]:
        with np.errstate(divide="ignore"):
            peaks, powers = 20 * np.log10(self.rack.meters[side]), 10 * np.log10(np.maximum(self.rack.meters[side + 1], 0))
        return tuple(Level(float(peak), float(power)) for peak, power in zip(peaks, powers, strict=True))

    def _report(self) -> Report:
        rack, shot = self.rack, self.snapshot()
        return Report(
            playing=shot.playing,
            path=shot.path,
            source=shot.source,
            sink=shot.sink,
            priority=shot.priority,
            sample_rate_hz=shot.sample_rate_hz,
            buffer=shot.buffer,
            channels=shot.channels,
            seconds=shot.elapsed_s,
            blocks=rack["blocks"],
            deadline_s=shot.deadline_s,
            mean_load=mean_s(rack.wall) / shot.deadline_s,
            times=shot.total,
            wake=times_of(rack.wake, rack["longest_wake_ns"]),
            histogram=tuple((upper, count) for _, upper, count in coarse(rack.wall)),
            late_own=shot.late_own,
            late_woken=shot.late_woken,
            xruns=shot.xruns,
            faults=shot.faults,
            events=tuple(sorted((*starmap(self._event, rack.events.tolist()), *self._player.events), key=attrgetter("at_s"))),
            device_in_s=self._player.input_latency_s,
            device_out_s=self._player.output_latency_s,
            buffer_s=shot.buffer_s,
            processor_s=shot.processor_s,
            trip_s=rack["trip_s"],
            remarks=tuple(self.board.side.program.chain.remarks()),
            recorded=str(self._recorder.path) if self._recorder else None,
            recorded_s=shot.recorded_s or 0.0,
            recorded_lost=self._recorder.ring.lost if self._recorder else 0,
        )

    def _event(self, kind: int, at_ns: int, value: int) -> Event:
        took = f"took {value / 1e6:.1f} ms"
        text = {
            OWN: took,
            WOKEN: took if self.setup.sink else f"ready {value / 1e6:.1f} ms after it was due",
            FEED: f"{value} frames were not read in time",
        }
        return Event(at_ns * 1e-9, _KINDS[kind], text.get(kind, ""))
