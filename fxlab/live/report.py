"""What remains of a stream when it has ended: all figures that a report, a script or a gate needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fxlab.live.snapshot import Times


@dataclass(frozen=True)
class Event:
    """Something that went wrong, or right again, while playing.

    Args:
        at_s: When, in seconds since the start.
        kind: "late", "woken late", "xrun", "fault", "device lost", "device back", ...
        text: What happened in words, "took 3.1 ms"; may be empty.
    """

    at_s: float
    kind: str
    text: str = ""


@dataclass(frozen=True)
class Report:
    """A stream from its start to its end.

    Args:
        playing: What played last, with its engines, "eq (numba) > tcn (fused)".
        path: What carried the audio, "compiled callback" or "Python callback".
        source, sink: Names of what was heard and where it went.
        priority: How the audio thread was scheduled, in words.
        sample_rate_hz, buffer, channels: Of the stream.
        seconds: How long it played.
        blocks: How many blocks were played.
        deadline_s: What a block lasts.
        mean_load: Mean share of the deadline that blocks took, 0..1 and beyond.
        times: Processing times of all blocks.
        wake: How late the system woke the audio thread, of all blocks; no blocks where that can't be known.
        histogram: Processing times as (upper edge in s, count), edges rising; the last one may be infinite.
        late_own: Blocks later than their deadline because of their processing.
        late_woken: Blocks that were late because the system woke or ran the audio thread late.
        xruns: Gaps that the device reported.
        faults: Errors of the processor.
        events: In the order in which they happened; perhaps only the first of very many.
        device_in_s, device_out_s, buffer_s, processor_s: The parts of the round-trip latency in seconds.
        trip_s: From input to output by the driver's own clock, at the end; 0 if it doesn't tell.
        remarks: What the effects that played last decided by themselves, a sentence each.
        recorded: File that was recorded, None if none was.
        recorded_s: Its length in seconds.
        recorded_lost: Frames that could not be written in time.
    """

    playing: str
    path: str
    source: str
    sink: str
    priority: str
    sample_rate_hz: int
    buffer: int
    channels: int
    seconds: float
    blocks: int
    deadline_s: float
    mean_load: float
    times: Times
    wake: Times
    histogram: tuple[tuple[float, int], ...]
    late_own: int = 0
    late_woken: int = 0
    xruns: int = 0
    faults: int = 0
    events: tuple[Event, ...] = ()
    device_in_s: float = 0.0
    device_out_s: float = 0.0
    buffer_s: float = 0.0
    processor_s: float = 0.0
    trip_s: float = 0.0
    remarks: tuple[str, ...] = ()
    recorded: str | None = None
    recorded_s: float = 0.0
    recorded_lost: int = 0

    @property
    def round_trip_s(self) -> float:
        """From the input's connector to the output's."""
        return self.device_in_s + self.device_out_s + self.buffer_s + self.processor_s

    @property
    def gaps(self) -> int:
        """What would be heard as a gap: what the device reported or, where there is none, every block that came too late."""
        return self.xruns if self.device_out_s else self.late_own + self.late_woken

    def to_json(self) -> dict:
        return {**asdict(self), "round_trip_s": self.round_trip_s, "gaps": self.gaps}
