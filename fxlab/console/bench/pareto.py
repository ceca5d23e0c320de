"""How the suite "pareto" looks: a table per effect with its fronts marked, error over time, what rounding does."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.bench.effects import footnotes
from fxlab.console.bench.scatter import scatter
from fxlab.console.tables import cell, pairs, table, table_of
from fxlab.services.bench.pareto_tables import LEGEND, group, members, speed, targets, timed, verdicts
from fxlab.services.bench.sentences import conditions
from fxlab.services.bench.standing import ParetoResult
from fxlab.services.bench.tables import gates


def show(result: ParetoResult) -> None:
    """Everything that was measured."""
    out = output.out()
    for buffer in result.setup["buffers"]:
        for target in targets(result):
            out.print(_group(result, target, buffer))
        out.print(table_of(speed(result, buffer)))
        if drawn := scatter(result, buffer, out.width):
            out.print(drawn)
    out.print(f"{LEGEND}\n", style="dim")
    if made := gates(result.gates):
        out.print(table_of(made, ("cells",)))
    out.print(pairs("Measured", conditions(timed(result))))
    out.print()
    for sentence in verdicts(result):
        output.say(sentence)
    footnotes(result)


def _group(result: ParetoResult, target: str | None, buffer: int):
    """The networks of one effect; those that are on no front are dim."""
    made, rows = group(result, target, buffer), []
    for texts, one in zip(made.rows, members(result, target, buffer), strict=True):
        standing, row = result.standing(one), [cell(text) for text in texts]
        if standing.behind_in_speed and not standing.fronts:
            for text in row:
                text.stylize("dim")
        rows.append(row)
    return table(made.title, made.columns, rows, made.columns[1:6])
