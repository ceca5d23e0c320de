"""How `fxlab train` shows what it made."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import counted, duration, pairs, table_of
from fxlab.metrics.quality import FAILED, FAILED_ADVICE
from fxlab.models.model import title
from fxlab.services.train import seeds as train_seeds
from fxlab.services.train.service import Result
from fxlab.services.train.tables import ENDED, judgement, seeds, sentences, spread

_TEXTS = ("verdict", "unit", "determined")
"""Columns that hold no figures."""


def show_train(result: Result) -> None:
    """The run, then every take it was tested on, then the verdict."""
    card, metrics, console = result.card, result.metrics, output.out()
    context_ms = 1e3 * card["receptive_field"] / card["sample_rate_hz"]
    trained = f"{counted(result.steps, 'step')}, {counted(result.epochs, 'epoch')}"
    rows = [
        ("Model", f"{title(card)}, {card['parameters_count']:,} parameters"),
        ("Receptive field", f"{card['receptive_field']:,} samples = {context_ms:.1f} ms at {card['sample_rate_hz']} Hz"),
        ("Trained", f"{trained}, {duration(result.seconds)} on {result.device}"),
        ("Speed", f"{result.steps / result.seconds:.2f} steps/s" if result.seconds else "–"),
        ("Ended", ENDED[result.ended]),
    ]
    if result.batch_halvings:
        rows.append(("Memory", f"ran out; steps were split into {2**result.batch_halvings} parts"))
    console.print(pairs("", rows))
    for made in judgement(card, metrics):
        console.print(table_of(made, [name for name in made.columns[1:] if name not in _TEXTS]))
    for sentence in sentences(metrics):
        output.say(sentence)
    if metrics.get("verdict") == FAILED and result.ended != "interrupted":
        output.warn(FAILED_ADVICE)
    output.note(f"Best network: {result.files['best']}   Report: {result.files['report']}")
    output.note(f"Pictures: {result.files['training_picture']}, {result.files['quality_picture']}")


def show_seeds(result: train_seeds.Result) -> None:
    """The best run as if it were the only one, then all of them and their spread."""
    if result.best is not None:
        show_train(result.runs[result.best])
    made = seeds(result)
    output.out().print(table_of(made, made.columns[1:3]))
    if result.spread:
        output.say(spread(result))
        output.note(
            f"Best on the validation split is seed {result.best}: {result.files['best']}   Report: {result.files['report']}"
        )
