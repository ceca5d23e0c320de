"""What the training of a mastering network found as tables and sentences, for the terminal and for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxlab.mastering.evaluation import Evaluation
from fxlab.metrics.mastering import COLUMNS
from fxlab.models.model import Card
from fxlab.pages.parts import Table
from fxlab.wording import counted, duration, percent

if TYPE_CHECKING:
    from fxlab.services.train import phases as train_phases

_TITLES = {"spectrum_db": "spectrum dB", "mr_stft": "MR-STFT", "plr_db": "PLR dB", "width_db": "width dB"}
_WHO = {"nothing": "doing nothing", "network": "the network", "readable": "without its residual"}


def components(card: Card, evaluation: Evaluation) -> Table:
    """What the network consists of."""
    columns = ("component", "parameters", "MAC/s", "hears", "ms per s")
    times = evaluation.milliseconds
    rows = [
        (
            one["name"],
            f"{one['parameters']:,}",
            f"{one['macs_per_second'] / 1e6:.1f} M",
            "all" if one["receptive_field"] is None else f"{one['receptive_field_ms']:.1f} ms",
            f"{times[key]:.1f}" if (key := _time_of(one["name"])) in times else "",
        )
        for one in card["components"]
    ]
    return Table("What it consists of", columns, rows)


def _time_of(component: str) -> str:
    """The part whose time stands for a component."""
    return {"residual decoder": "residual"}.get(component, component if component in ("encoder", "grey box") else "equaliser")


def likeness(evaluation: Evaluation) -> Table:
    """How far songs are from their releases, untouched and brought back."""
    columns = ("at equal loudness", *_TITLES.values())
    rows = [
        (_WHO[who], *(f"{evaluation.mean(who)[column]:.3f}" for column in COLUMNS)) for who in ("nothing", "network", "readable")
    ]
    return Table(f"{counted(len(evaluation.songs), 'song')} kept back: distance from the release", columns, rows)


def sentences(evaluation: Evaluation) -> list[str]:
    """What else it is worth, in words."""
    degraded, untouched = evaluation.needs
    return [
        f"Largest gain of a band: {evaluation.largest_db:.1f} dB.",
        f"{percent(evaluation.readable)} of what it changes can be read off its settings.",
        f"Need: {percent(degraded)} for degraded songs, {percent(untouched)} for untouched ones; "
        f"{percent(evaluation.still)} of these stay within 0.5 dB.",
    ]


def usage(evaluation: Evaluation) -> Table:
    """How far its bands are open; of one that has gates."""
    bands = len(evaluation.usage["all"]["gate"])
    columns = ("style", *(str(number) for number in range(1, bands + 1)))
    rows = [(style, *(f"{gate:.2f}" for gate in found["gate"])) for style, found in evaluation.usage.items()]
    return Table("How far each band is open", columns, rows)


def variants(result: train_phases.Result) -> Table:
    """All variants side by side; no row where none of them was judged."""
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
    return Table("Songs kept back, degraded and brought back", columns, rows)
