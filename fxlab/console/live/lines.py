"""What `fxlab live` says where no panel can be drawn: a line at the start, at the end, and when its state changes."""

from __future__ import annotations

from fxlab.console.live.cells import clock, timespan
from fxlab.console.tables import counted
from fxlab.live.snapshot import Snapshot


def started(snapshot: Snapshot) -> str:
    rate = f"{snapshot.sample_rate_hz / 1000:g} kHz"
    return (
        f"Playing {snapshot.playing} from {snapshot.source} to {snapshot.sink}: {rate}, {snapshot.buffer} frames "
        f"({timespan(snapshot.deadline_s)}), {counted(snapshot.channels, 'channel')}, {snapshot.path}."
    )


def changed(before: Snapshot, now: Snapshot) -> str | None:
    """A line if the state is another one; a count-down within it ("device lost, next try in 2 s") is none."""
    if _kind(before) == _kind(now):
        return None
    return f"At {clock(now.elapsed_s)}: {now.state}."


def ended(snapshot: Snapshot) -> str:
    late = f"{counted(snapshot.late_own, 'block')} late by processing, {snapshot.late_woken:,} woken late"
    rest = f"{counted(snapshot.xruns, 'xrun')}, {counted(snapshot.faults, 'fault')}"
    return f"Ended after {clock(snapshot.elapsed_s)}: {late}, {rest}."


def _kind(snapshot: Snapshot) -> tuple[bool, str]:
    return snapshot.trouble, snapshot.state.split(",")[0]
