"""How `fxlab bench` looks: what it means in a sentence or two, then tables that fit 100 columns and histograms."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.bench.histogram import histograms
from fxlab.console.tables import pairs, table_of
from fxlab.services.bench import tables
from fxlab.services.bench.report import Result
from fxlab.services.bench.sentences import conditions, notes, typical_buffer, verdicts, warnings


def show(result: Result) -> None:
    """Everything that was measured."""
    out = output.out()
    buffer = typical_buffer(result)
    for made in (tables.speed(result), tables.latency(result)):
        out.print(table_of(made))
    out.print(histograms([cell for cell in result.cells if cell.buffer == buffer], out.width))
    for made in (tables.engines(result), tables.sizes(result), tables.character(result)):
        out.print(table_of(made))
    if made := tables.likeness(result):
        out.print(table_of(made, made.columns[2:7]))
    if made := tables.peers(result):
        out.print(table_of(made, made.columns[2:]))
    if made := tables.gates(result.gates):
        out.print(table_of(made, ("cells",)))
    out.print(pairs("Measured", conditions(result)))
    out.print()
    for sentence in verdicts(result):
        output.say(sentence)
    footnotes(result)


def footnotes(result: Result) -> None:
    """What may have spoilt the figures, and what was left out, on stderr."""
    for text in notes(result):
        output.note(text)
    for text in warnings(result):
        output.warn(text)
