"""How `fxlab bench --suite ace` looks: a row per case, and how they compare."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.bench import interval
from fxlab.console.tables import counted, duration, figure, table
from fxlab.services.bench_ace import BANDS, BATCH, FORWARD_S, RATE_HZ, Result


def show(result: Result) -> None:
    """Everything that was measured."""
    out, request = output.out(), result.request
    clips = f"{BATCH} x {request.clip_s:g} s"
    rows = [
        (
            case.what,
            f"{FORWARD_S} s" if case.key == "forward" else clips,
            duration(case.seconds.median),
            interval(case.seconds.low * 1e3, case.seconds.high * 1e3),
            figure(case.times_realtime),
            f"{case.peak_bytes / 2**20:.0f} MiB",
        )
        for case in result.cases
    ]
    columns = ("torch", "audio", "time", "95 % interval (ms)", "times real time", "memory at most")
    title = f"{BANDS} bands at {RATE_HZ} Hz, {counted(request.threads, 'thread')}; all but the first backward too"
    out.print(table(title, columns, rows, columns[1:]))
    for ours, theirs in (("bank", "seed_bank"), ("follower", "seed_follower")):
        a, b = result.case(ours), result.case(theirs)
        out.print(
            f"{a.what[0].upper()}{a.what[1:]} takes {figure(a.seconds.median / b.seconds.median)} of the time, and "
            f"{figure(a.peak_bytes / max(1, b.peak_bytes))} of the memory, of {b.what}.",
            soft_wrap=True,
        )
    output.note(f"{result.machine.cpu}, load {result.machine.load or 0.0:.1f} when it began.")
