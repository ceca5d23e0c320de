"""How `fxlab train --model ddsp` shows what it made."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import counted, duration, pairs, table_of
from fxlab.models.model import title
from fxlab.services.train.instrument import Result
from fxlab.services.train.instrument_tables import recordings, scores, verdict
from fxlab.services.train.tables import ENDED


def show_instrument(result: Result) -> None:
    """The instrument, what was remarkable about its recordings, and what it is worth."""
    card, console = result.card, output.out()
    rows = [
        ("Instrument", f"{title(card)}, {card['parameters_count']:,} parameters"),
        ("Learnt from", recordings(card)),
        ("Trained", f"{counted(result.steps, 'step')}, {duration(result.seconds)}"),
        ("Ended", ENDED[result.ended]),
    ]
    console.print(pairs("", rows))
    show_findings(result)
    if result.scores:
        console.print(table_of(scores(result.scores, result.overall)))
        output.say(verdict(result.overall))
    output.note(f"Instrument: {result.files['best']}   Report: {result.files['report']}")
    pictures = [result.files[role] for role in ("training_picture", "sound_picture") if role in result.files]
    if pictures:
        output.note(f"Pictures: {', '.join(pictures)}")
    if any(role.startswith("preview") for role in result.files):
        heard = [path for role, path in result.files.items() if role.startswith("preview")]
        output.note(f"Recorded, then played: {', '.join(heard)}")


def show_findings(result: Result) -> None:
    """What the recordings and the automaton are to be told of."""
    for name, finding in result.findings:
        output.warn(f"{name}: {finding.text} {finding.hint}")
    for warning in result.warnings:
        output.warn(warning)
