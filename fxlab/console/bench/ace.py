"""How `fxlab bench --suite ace` looks: a row per case, and how they compare."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import table_of
from fxlab.services.bench.ace import Result
from fxlab.services.bench.ace_page import cases, comparisons


def show(result: Result) -> None:
    """Everything that was measured."""
    out = output.out()
    out.print(table_of(cases(result)))
    for sentence in comparisons(result):
        output.say(sentence)
    output.note(f"{result.machine.cpu}, load {result.machine.load or 0.0:.1f} when it began.")
