"""The page of `fxlab bench --html`: tables, histograms of block times, and the networks to listen to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fxlab.metrics.timing import histogram, log_edges
from fxlab.pages.parts import Distribution, Histograms, Page, Part, Table
from fxlab.services.bench import tables
from fxlab.services.bench.heard import Heard, played, players
from fxlab.services.bench.plot import chosen_buffers
from fxlab.services.bench.report import Result
from fxlab.services.bench.sentences import conditions, notes, verdicts, warnings
from fxlab.services.machine import Machine
from fxlab.wording import size

_BINS = 120


def page_of(result: Result, found: Sequence[Heard], command: str = "") -> Page:
    """The page of a result.

    Args:
        result: What was measured.
        found: What can be heard of it.
        command: What was typed.
    """
    effects = dict.fromkeys(engine.effect for engine in result.engines)
    buffers = ", ".join(str(size) for size in result.setup["buffers"])
    summary = f"{', '.join(effects)} on every engine measured, in blocks of {buffers} frames."
    return Page("Bench: effects and networks", summary, command, tuple(conditions(result)), tuple(_parts(result, found)))


def facts(machine: Machine, *others: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """What a page says of the machine, and more."""
    load = [] if machine.load is None else [("load at the start", f"{machine.load:.2f}")]
    memory = [] if machine.memory_bytes is None else [("memory", size(machine.memory_bytes))]
    return (
        ("machine", f"{machine.cpu}, {machine.cores} cores{f', governor {machine.governor}' if machine.governor else ''}"),
        *memory,
        *load,
        ("system", f"{machine.system}, {machine.python}"),
        ("with", ", ".join(f"{name} {version}" for name, version in machine.versions.items())),
        *others,
    )


def block_times(result: Result, buffer: int) -> Histograms:
    """How long the blocks of one size took, of the quickest engine of each effect first."""
    cells = [cell for cell in result.cells if cell.buffer == buffer]
    quickest = {effect: min(c.rtf.median for c in cells if c.effect == effect) for effect in {cell.effect for cell in cells}}
    cells.sort(key=lambda cell: cell.rtf.median > quickest[cell.effect])
    low = max(min(float(cell.times_s.min()) for cell in cells), 1e-9)
    edges = log_edges(low, max(float(cell.times_s.max()) for cell in cells), _BINS)
    distributions = []
    for cell in cells:
        stats = cell.stats
        marks = [("p50", stats.p50_s), ("p99", stats.p99_s), ("deadline", stats.deadline_s)]
        distributions.append(Distribution(tables.named(cell), edges, histogram(cell.times_s, edges), marks))
    note = "Every block that was timed counts; the deadline is what a block lasts."
    return Histograms(f"Block times at {buffer} frames", distributions, note)


def in_words(sentences: Iterable[str]) -> Table:
    """Sentences, a row each."""
    return Table("In words", ("finding",), [(text,) for text in sentences])


def titled(made: Table) -> Table:
    """A table whose title is what stands before its colon, the rest being its note."""
    title, colon, rest = made.title.partition(": ")
    note = f"{rest[0].upper()}{rest[1:]}{'' if rest.endswith('.') else '.'}" if colon else ""
    return replace(made, title=title, note=f"{note} {made.note}".strip())


def _parts(result: Result, found: Sequence[Heard]) -> Iterator[Part]:
    yield from players(found, played(result.setup["audio"]))
    yield in_words([*warnings(result), *verdicts(result), *notes(result)])
    if likeness := tables.likeness(result):
        yield likeness
    yield titled(tables.speed(result))
    for buffer in chosen_buffers(result):
        yield block_times(result, buffer)
    for made in (tables.latency(result), tables.engines(result), tables.sizes(result), tables.character(result)):
        yield titled(made)
    for found_too in (tables.peers(result), tables.gates(result.gates)):
        if found_too:
            yield titled(found_too)
