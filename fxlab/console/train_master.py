"""How `fxlab train --model master` shows what it made."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import counted, duration, pairs, table_of
from fxlab.models.model import title
from fxlab.services.train import phases as train_phases
from fxlab.services.train.master import Result
from fxlab.services.train.master_tables import components, likeness, sentences, usage, variants
from fxlab.services.train.tables import ENDED


def show_master(result: Result) -> None:
    """The network by its components, then what it is worth on songs that it never heard."""
    card, console, evaluation = result.card, output.out(), result.evaluation
    trained = f"{counted(result.steps, 'step')}, {counted(result.epochs, 'epoch')}"
    rows = [
        ("Model", f"{title(card)}, phase {card['mastering']['phase']}, {card['parameters_count']:,} parameters"),
        ("Trained", f"{trained}, {duration(result.seconds)}"),
        ("Ended", ENDED[result.ended]),
    ]
    console.print(pairs("", rows))
    console.print(table_of(components(card, evaluation)))
    if evaluation.songs:
        console.print(table_of(likeness(evaluation)))
        for sentence in sentences(evaluation):
            output.say(sentence)
        if evaluation.usage:
            console.print(table_of(usage(evaluation)))
    if card["mastering"]["phase"] != "1a":
        output.note("`fxlab master --model` plays what can be read off: equaliser, compressor and width, without the residual.")
    output.note(f"Best network: {result.files['best']}   Report: {result.files['report']}")
    pictures = [result.files[role] for role in ("training_picture", "equaliser_picture") if role in result.files]
    if pictures:
        output.note(f"Pictures: {', '.join(pictures)}")


def show_phases(result: train_phases.Result) -> None:
    """All variants side by side."""
    if (made := variants(result)).rows:
        output.out().print(table_of(made))
    output.note(f"Every run has its own report below {result.output}; all figures: {result.output / 'report.json'}")
