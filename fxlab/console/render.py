"""How `fxlab render` shows what it made."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import table_of
from fxlab.services.render.service import Result
from fxlab.services.render.tables import failures, files, notes, warnings


def show_render(result: Result) -> None:
    """One line per file, then whatever is worth knowing about single ones."""
    done = [report for report in result.files if report.error is None]
    if done:
        made = files(done)
        output.out().print(table_of(made, made.columns[3:]))
    for text in dict.fromkeys(note for report in done for note in notes(report, len(done) > 1)):
        output.note(text)
    for report in done:
        for text in warnings(report):
            output.warn(text)
    for text in failures(result.failed):
        output.warn(text)
    if result.failed:
        rest = "the others are done" if done else "nothing was written"
        output.warn(f"{len(result.failed)} of {len(result.files)} files failed; {rest}.")
    if result.plot is not None:
        output.note(f"Picture: {result.plot}")
