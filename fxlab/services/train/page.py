"""What the pages of all trainings share: where one may go, how the training went, and what the network is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from fxlab.errors import FxlabError
from fxlab.models.model import Card, title
from fxlab.pages.parts import Curves, Line, Page, Table
from fxlab.services.pages import attempt, check_place, table
from fxlab.services.train.tables import ENDED
from fxlab.wording import counted, duration, told

_SETTINGS = ("loss", "epochs", "batch_size", "learning_rate", "segment", "windows", "ema", "patience")


class Result(Protocol):
    """What any training ends with."""

    html: Path | None
    html_error: FxlabError | None


class Run(Protocol):
    """What a single training ends with."""

    ended: str
    card: Card
    steps: int
    epochs: int
    seconds: float
    files: dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """A page that is asked for.

    Attributes:
        path: Where.
        command: What was typed.
        force: It may take the place of another; of a run that is gone on with there may be one.
    """

    path: Path
    command: str
    force: bool

    def check(self, others: Iterable[Path | str]) -> None:
        """Finds out before any work begins whether it can be written; raises as `fxlab.services.pages.check_place`."""
        check_place(self.path, others, self.force)

    def write(self, result: Result, page_of: Callable[[Any, str], Page]) -> None:
        """Writes what `page_of` makes of a result; the result says where it is, or why there is none."""
        result.html_error = attempt(self.path, lambda: page_of(result, self.command), self.force)
        result.html = None if result.html_error else self.path


def history_of(run: Run) -> list[dict[str, Any]]:
    """A row for each epoch, from the run's report."""
    return json.loads(Path(run.files["report"]).read_text(encoding="utf-8"))["history"]


def losses(runs: dict[str, tuple[Sequence[dict[str, Any]], str]], title: str = "Training") -> Iterator[Curves]:
    """Losses over the steps, of several runs side by side by their names; nothing where no epoch came to its end.

    Args:
        runs: Name to epochs and to what their figure of the validation split is called; a single run's name may be "".
        title: Heading.
    """
    found = {name: given for name, given in runs.items() if given[0]}
    if not found:
        return
    ratios = all(figure == "validation_esr" for _, figure in found.values())
    lines, best = [], []
    for name, (rows, figure) in found.items():
        steps = np.array([row["step"] for row in rows], float)
        validation = figure.replace("_", " ").replace("esr", "ESR")
        of = f"{name}: " if name else ""
        for key, label in (("loss", "training loss"), (figure, validation)):
            values = np.array([np.nan if row[key] is None else row[key] for row in rows], float)
            lines.append(Line(of + label, steps, _decibels(values) if ratios else values))
        reached = [row for row in rows if row[figure] is not None]
        if reached:
            row = min(reached, key=lambda one: one[figure])
            best.append(f"{of}best {validation} {row[figure]:.4g} after {counted(row['step'], 'step')}")
    note = "".join(f"{text[0].upper()}{text[1:]}. " for text in best) + ("0 dB: as strong as the target." if ratios else "")
    yield Curves(title, "step", "dB" if ratios else "loss", lines, note=note.strip())


def facts(run: Run) -> Iterator[tuple[str, str]]:
    """The network, how it was trained, and what its card says of it."""
    card = run.card
    yield "fxlab", card["fxlab"]
    yield "network", f"{title(card)}, {card['parameters_count']:,} parameters"
    rate_hz = card["sample_rate_hz"]
    yield "sample rate", f"{rate_hz} Hz"
    if card.get("receptive_field"):
        yield "hears", f"{card['receptive_field']:,} samples, {1e3 * card['receptive_field'] / rate_hz:.1f} ms"
    if card.get("latency"):
        yield "latency", f"{card['latency']} samples, {1e3 * card['latency'] / rate_hz:.1f} ms"
    if card.get("macs_per_sample"):
        yield "cost", f"{card['macs_per_sample']:,} multiplications a sample"
    if card.get("effect"):
        yield "effect", " → ".join(stage["name"] for stage in card["effect"])
    if card.get("controls"):
        ranges = (f"{one['name']} {one['low']:g} .. {one['high']:g} {one['unit']}" for one in card["controls"])
        yield "knobs", ", ".join(text.strip() for text in ranges)
    yield "trained", f"{counted(run.steps, 'step')}, {counted(run.epochs, 'epoch')}, {duration(run.seconds)}"
    yield "ended", ENDED[run.ended]
    used = card["training"].get("settings", {})
    chosen = (f"{name.replace('_', ' ')} {told(used[name])}" for name in _SETTINGS if name in used)
    yield "settings", ", ".join([*chosen, f"seed {card['seed']}"])
    if card.get("profile"):
        yield "profile", card["profile"]
    for name in ("attribution", "licence"):
        if card.get(name):
            yield name, card[name]
    yield "file", run.files["best"]


def effect_of(card: Card) -> Iterator[Table]:
    """The effect that was learnt, as it was set; nothing of recorded pairs."""
    rows = [(stage["name"], name, value) for stage in card["effect"] for name, value in stage["parameters"].items()]
    if rows:
        yield table("The effect, as it was set", ("effect", "parameter", "value"), rows)


def _decibels(values: np.ndarray) -> np.ndarray:
    """Ratios of energy as levels; a gap where one isn't above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, 10 * np.log10(values), np.nan)
