"""How `fxlab bench --suite master` looks: means of all rivals, fxlab's lead, what became of good masters, and speed."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import table_of
from fxlab.services.bench.master_page import differences, means, notes, sentences, speeds
from fxlab.services.bench.master_report import Result


def show(result: Result) -> None:
    """Tables and sentences."""
    out = output.out()
    out.print(table_of(means(result)))
    out.print(table_of(differences(result)))
    for sentence in sentences(result):
        output.say(sentence)
    out.print()
    out.print(table_of(speeds(result)))
    for text in notes(result):
        output.note(text)
