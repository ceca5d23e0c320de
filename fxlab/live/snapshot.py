"""What can be seen of a running stream at one moment: all that a panel, a test or a log needs, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Processing times of blocks in seconds; all 0 before the first block."""

    blocks: int = 0
    p50_s: float = 0.0
    p99_s: float = 0.0
    p999_s: float = 0.0
    max_s: float = 0.0


@dataclass(frozen=True)
class Level:
    """Of one channel over the last moment, in dB of full scale; -inf for silence."""

    peak_db: float
    rms_db: float


@dataclass(frozen=True)
class Knob:
    """A parameter as it stands.

    Args:
        name: As in `--set`; in a chain with its stage's number in front, "1.drive_db".
        text: Its value with the unit, "12 dB".
        share: Where it stands in its range, 0..1; None where there is no such place.
        selected: Whether the arrow keys move it.
        movable: Whether it can be changed while playing.
    """

    name: str
    text: str
    share: float | None
    selected: bool = False
    movable: bool = True


@dataclass(frozen=True)
class Snapshot:
    """A running stream at one moment.

    Args:
        playing: What plays, "saturator (numba)" or "eq (numba) > tcn (fused)".
        state: "playing", "bypassed", "dry after a fault", "device lost, next try in 2 s", ...
        trouble: Whether the state is one to worry about.
        path: What carries the audio, "compiled callback" or "Python callback".
        source, sink: Names of what is heard and where it goes, "virtual: clip.flac", "default".
        priority: How the audio thread is scheduled, in words.
        sample_rate_hz, buffer, channels: Of the stream.
        elapsed_s: Played since the start.
        duration_s: When it ends by itself, None if it doesn't.
        input, output: One level for each channel.
        load: Mean share of the deadline that blocks take at the moment, 0..1 and beyond.
        recent, total: Processing times of the last seconds, and of all since the last reset.
        deadline_s: What a block lasts.
        device_s, buffer_s, processor_s: The parts of the round-trip latency in seconds.
        late_own: Blocks later than their deadline because of their processing.
        late_woken: Blocks that were late because the system woke or ran the audio thread late.
        xruns: Gaps that the device reported.
        faults: Errors of the processor while playing.
        knobs: Parameters, in order.
        bypassed: Whether the dry signal is heard.
        original, twin: Names of the two sounds that A/B compares; the second is None if there is nothing to compare with.
        on_twin: Whether the second is heard now.
        recorded_s: Length recorded so far, None if nothing is recorded.
        message: The last thing that happened, for a line at the bottom.
    """

    playing: str
    state: str
    trouble: bool
    path: str
    source: str
    sink: str
    priority: str
    sample_rate_hz: int
    buffer: int
    channels: int
    elapsed_s: float
    duration_s: float | None
    input: tuple[Level, ...]
    output: tuple[Level, ...]
    load: float
    recent: Times
    total: Times
    deadline_s: float
    device_s: float
    buffer_s: float
    processor_s: float
    late_own: int
    late_woken: int
    xruns: int
    faults: int
    knobs: tuple[Knob, ...]
    bypassed: bool
    original: str
    twin: str | None
    on_twin: bool
    recorded_s: float | None
    message: str
