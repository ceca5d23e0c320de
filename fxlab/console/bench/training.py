"""How `fxlab bench --suite training` looks: a row per trainer, and what it means."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import table_of
from fxlab.services.bench.training import TrainingResult
from fxlab.services.bench.training_page import sentences, trainers


def show(result: TrainingResult) -> None:
    """Everything that was measured."""
    out = output.out()
    out.print(table_of(trainers(result)))
    for sentence in sentences(result):
        output.say(sentence)
    output.note(f"{result.setup['data']}, {result.machine.cpu}, load {result.machine.load:.1f} when it began.")
