"""How `fxlab bench --suite grow` looks: ways to learn an instrument, and how soon fxlab is as good as each at its best."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import counted, duration, table_of
from fxlab.services.bench.grow import Result
from fxlab.services.bench.grow_page import synthesizer, trainers


def show(result: Result) -> None:
    """A table, and what it says in a sentence."""
    out, setup = output.out(), result.setup
    out.print(table_of(trainers(result)))
    out.print(table_of(synthesizer(result)))
    if result.interrupted:
        output.note("Interrupted: the figures are those of the time until then.")
    output.note(f"{counted(setup['threads'], 'thread')}; {result.machine.cpu}. The comparison took {duration(setup['total_s'])}.")
