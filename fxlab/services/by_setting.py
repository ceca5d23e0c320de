"""How near a network comes at each setting of its knobs, as figures and as a table for the terminal and for pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fxlab.pages.parts import Table
from fxlab.services.pages import table
from fxlab.wording import duration, figure, percent


@dataclass(frozen=True)
class Setting:
    """One position of the knobs: how much was played there, and how near the network came (`fxlab.metrics.quality`)."""

    parameters: dict[str, float]
    takes: int
    seconds: float
    esr: float
    pre_emphasised_esr: float
    mr_stft: float
    verdict: str


def figures_of(rows: Iterable[Mapping[str, Any]], rate_hz: int) -> list[Setting]:
    """The rows of `fxlab.training.evaluate.by_setting`, or of a card's `metrics.settings`, at the network's sample rate."""
    return [Setting(seconds=row["frames"] / rate_hz, **{k: v for k, v in row.items() if k != "frames"}) for row in rows]


def settings_table(title: str, found: Sequence[Setting]) -> Table:
    """A row per setting of the knobs, of which there is at least one."""
    knobs = list(found[0].parameters)
    columns = (*knobs, "takes", "length", "ESR", "pre-emphasised ESR", "MR-STFT", "verdict")
    rows = [
        (
            *(figure(one.parameters[knob]) for knob in knobs),
            one.takes,
            duration(one.seconds),
            percent(one.esr),
            percent(one.pre_emphasised_esr),
            one.mr_stft,
            one.verdict,
        )
        for one in found
    ]
    return table(title, columns, rows)
