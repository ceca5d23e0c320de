"""The page of `fxlab bench --suite pareto --html`: which networks are worth their cost, and how they sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fxlab.pages.parts import Page, Part
from fxlab.services.bench import pareto_tables as pareto
from fxlab.services.bench import tables
from fxlab.services.bench.heard import Heard, played, players
from fxlab.services.bench.output import picture
from fxlab.services.bench.page import block_times, in_words
from fxlab.services.bench.pareto_plot import figure
from fxlab.services.bench.plot import chosen_buffers
from fxlab.services.bench.sentences import conditions, notes, warnings
from fxlab.services.bench.standing import ParetoResult


def page_of(result: ParetoResult, found: Sequence[Heard], command: str = "") -> Page:
    """The page of a result; `found` is what can be heard of it, `command` what was typed."""
    names = [target for target in pareto.targets(result) if target]
    summary = f"Networks of {', '.join(names)}: their error beside their time and size." if names else "Networks and their time."
    parts = tuple(_parts(result, found))
    return Page("Bench: which network is worth its cost", summary, command, tuple(conditions(pareto.timed(result))), parts)


def _parts(result: ParetoResult, found: Sequence[Heard]) -> Iterator[Part]:
    yield from players(found, played(result.setup["audio"]))
    yield in_words([*warnings(result), *pareto.verdicts(result), *notes(result)])
    for buffer in result.setup["buffers"]:
        for target in pareto.targets(result):
            yield pareto.group(result, target, buffer)
        yield pareto.speed(result, buffer)
    alt = "Error of every network against its real-time factor and against the size of its file; lines join those on a front."
    yield picture("Fronts", figure(result), alt, pareto.LEGEND)
    for buffer in chosen_buffers(result):
        yield block_times(pareto.timed(result), buffer)
    if made := tables.gates(result.gates):
        yield made
