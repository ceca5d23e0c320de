"""How `fxlab bench --suite knobs` looks: for every network a table over the settings, and its worst one."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import table_of
from fxlab.services.bench.knobs import Result
from fxlab.services.bench.knobs_page import of_network, takes, verdict


def show(result: Result) -> None:
    """A table and a sentence per network."""
    out = output.out()
    for network in result.networks:
        made = of_network(network)
        out.print(table_of(made, made.columns[:-1]))
        output.say(verdict(network))
        out.print()
    output.note(takes(result))
