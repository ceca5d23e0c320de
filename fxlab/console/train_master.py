"""How `fxlab train --model master` shows what it made."""

from __future__ import annotations

from rich.table import Table

from fxlab.console import output
from fxlab.console.tables import counted, duration, pairs, percent, table
from fxlab.console.train import ENDED
from fxlab.mastering.evaluation import Evaluation
from fxlab.metrics.mastering import COLUMNS
from fxlab.models.model import title
from fxlab.services import train_phases
from fxlab.services.train_master import Result

_TITLES = {"spectrum_db": "spectrum dB", "mr_stft": "MR-STFT", "plr_db": "PLR dB", "width_db": "width dB"}
_WHO = {"nothing": "doing nothing", "network": "the network", "readable": "without its residual"}


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
    console.print(_components(result))
    if evaluation.songs:
        console.print(_likeness(evaluation))
        for sentence in _sentences(evaluation):
            console.print(sentence)
        if evaluation.usage:
            console.print(_usage(evaluation))
    if card["mastering"]["phase"] != "1a":
        output.note("`fxlab master --model` plays what can be read off: equaliser, compressor and width, without the residual.")
    output.note(f"Best network: {result.files['best']}   Report: {result.files['report']}")
    pictures = [result.files[role] for role in ("training_picture", "equaliser_picture") if role in result.files]
    if pictures:
        output.note(f"Pictures: {', '.join(pictures)}")


def show_phases(result: train_phases.Result) -> None:
    """All variants side by side."""
    columns = ("variant", "parameters", *_TITLES.values(), "readable", "ms/s", "trained")
    rows = []
    for name, run in result.runs.items():
        if not run.evaluation.songs:
            continue
        means = run.evaluation.mean("network")
        rows.append(
            (
                name,
                f"{run.card['parameters_count']:,}",
                *(f"{means[column]:.3f}" for column in COLUMNS),
                percent(run.evaluation.readable),
                f"{sum(run.evaluation.milliseconds.values()):.0f}",
                duration(run.seconds),
            )
        )
    first = next((run for run in result.runs.values() if run.evaluation.songs), None)
    if first is not None:
        nothing = first.evaluation.mean("nothing")
        rows.append(("doing nothing", "", *(f"{nothing[column]:.3f}" for column in COLUMNS), "", "", ""))
        output.out().print(table("Songs kept back, degraded and brought back", columns, rows, numbers=columns[1:]))
    output.note(f"Every run has its own report below {result.output}; all figures: {result.output / 'report.json'}")


def _components(result: Result) -> Table:
    columns = ("component", "parameters", "MAC/s", "hears", "ms per s")
    times = result.evaluation.milliseconds
    rows = [
        (
            one["name"],
            f"{one['parameters']:,}",
            f"{one['macs_per_second'] / 1e6:.1f} M",
            "all" if one["receptive_field"] is None else f"{one['receptive_field_ms']:.1f} ms",
            f"{times[key]:.1f}" if (key := _time_of(one["name"])) in times else "",
        )
        for one in result.card["components"]
    ]
    return table("What it consists of", columns, rows, numbers=columns[1:])


def _time_of(component: str) -> str:
    """The part whose time stands for a component."""
    return {"residual decoder": "residual"}.get(component, component if component in ("encoder", "grey box") else "equaliser")


def _likeness(evaluation: Evaluation) -> Table:
    columns = ("at equal loudness", *_TITLES.values())
    rows = [
        (_WHO[who], *(f"{evaluation.mean(who)[column]:.3f}" for column in COLUMNS)) for who in ("nothing", "network", "readable")
    ]
    return table(
        f"{counted(len(evaluation.songs), 'song')} kept back: distance from the release", columns, rows, numbers=columns[1:]
    )


def _sentences(evaluation: Evaluation) -> list[str]:
    degraded, untouched = evaluation.needs
    return [
        f"Largest gain of a band: {evaluation.largest_db:.1f} dB.",
        f"{percent(evaluation.readable)} of what it changes can be read off its settings.",
        f"Need: {percent(degraded)} for degraded songs, {percent(untouched)} for untouched ones; "
        f"{percent(evaluation.still)} of these stay within 0.5 dB.",
    ]


def _usage(evaluation: Evaluation) -> Table:
    bands = len(evaluation.usage["all"]["gate"])
    columns = ("style", *(str(number) for number in range(1, bands + 1)))
    rows = [(style, *(f"{gate:.2f}" for gate in found["gate"])) for style, found in evaluation.usage.items()]
    return table("How far each band is open", columns, rows, numbers=columns[1:])
