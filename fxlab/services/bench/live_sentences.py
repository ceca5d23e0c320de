"""What the suite "live" found in sentences, for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Iterator

from fxlab.services.bench.live_report import TARGET, Result, Soak, Verdict
from fxlab.wording import counted, duration, figure, percent, size


def sentence(verdict: Verdict) -> str:
    """What a verdict says."""
    name = f"{verdict.effect} ({verdict.engine}) at {verdict.buffer}, compiled callback, all loads"
    late = f"{counted(verdict.blocks, 'block')}, {verdict.late_own or 'none'} late by the processor"
    share = f"p{figure(verdict.percent)} of its CPU time {percent(verdict.share, 2)} of the deadline"
    return f"{name}: {late}; {share} (target: below {percent(TARGET)})."


def soak_facts(soak: Soak) -> Iterator[tuple[str, str]]:
    """The soak as names and values."""
    late = f"{soak.late_own} by the processor, {soak.late_woken} by the system; {counted(soak.xruns, 'slip')}"
    yield "soak", f"{soak.playing}, {soak.path}, {soak.priority}"
    yield "played", f"{duration(soak.seconds)}, {counted(soak.blocks, 'block')}, {counted(soak.changes, 'change')}"
    yield "late blocks", late
    yield "faults", f"{soak.faults}; {soak.injected} were made, of which {soak.recovered} were over a second later"
    yield "programs", f"{soak.programs:,} played one after another, {soak.programs_kept:,} in memory at the end"
    if soak.growth_bytes is not None and soak.slope_bytes is not None:
        values = [count for _, count in soak.memory]
        grew = f"{_signed(soak.growth_bytes)} after the first {duration(soak.settle_s)}, {_signed(soak.slope_bytes)} a minute"
        yield "memory", f"{grew}; {size(min(values))} .. {size(max(values))}"


def notes(result: Result) -> Iterator[str]:
    """What was measured on, and what the reader should know."""
    setup, machine = result.setup, result.machine
    runs = f"{counted(setup['runs'], 'run')} of {duration(setup['run_s'])} for each line, taking turns, on the virtual device"
    yield f"{runs}; {setup['audio']}; {machine.cpu}, {counted(machine.cores, 'core')}, {machine.system}."
    yield f"Busy cores: {setup['busy_processes']} processes that never rest; busy Python: a thread beside the audio."
    priorities = dict.fromkeys(cell.priority for cell in result.cells if cell.priority)
    if priorities:
        yield f"The audio thread ran at {', '.join(priorities)}."
    stolen = [cell for cell in result.cells if cell.stolen_s]
    if stolen:
        share = sum(cell.stolen_s or 0.0 for cell in stolen) / (machine.cores * sum(cell.seconds for cell in result.cells))
        most = max(stolen, key=lambda cell: cell.stolen_s or 0.0)
        where = f"most of it from {most.effect}, {most.path}, {most.load}"
        yield f"This is a virtual machine, whose host took {percent(share, 2)} of the cores' time, {where}."
        yield "Its clocks count some of that as CPU time: a single block late by itself can be the host's doing too."
    yield from result.notes


def _signed(count: float) -> str:
    return f"{'+' if count >= 0 else '-'}{size(abs(count))}"
