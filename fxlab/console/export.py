"""How `fxlab export` shows what it made."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from fxlab.console import output
from fxlab.console.tables import decibels, pairs, percent, size
from fxlab.engines.loader import INSTRUMENT
from fxlab.metrics.quality import FAILED, FAILED_ADVICE
from fxlab.models.model import Card, kind_of, title
from fxlab.services.export import Result


def show_export(result: Result) -> None:
    """The file, its sizes and its proof."""
    card = result.card
    metrics = card.get("metrics") or {}
    effect = " + ".join(stage["name"] for stage in card.get("effect") or ())
    kind = title(card) + (f" of {effect}" if effect else "")
    instrument = kind_of(card) == INSTRUMENT
    judge = "its own player" if instrument else "torch"
    rows = [
        ("File", result.output),
        ("Model", f"{kind}, {card['parameters_count']:,} parameters"),
        ("Rate", f"{card['sample_rate_hz']} Hz" + ("" if instrument else _reach(card))),
        ("Quality", _quality(metrics, "" if result.rounding_esr is None else "; before its weights were rounded")),
        *_rounding(result),
        ("Size", f"{size(result.output_bytes)} (source {size(result.source_bytes)})"),
        ("Parity", f"within {result.parity:.1e} of {judge} over {result.parity_s:g} s in random blocks"),
        ("Licence", card.get("licence") or "not stated"),
        *(("Note", note) for note in result.notes),
    ]
    output.out().print(pairs("", rows))
    if metrics.get("verdict") == FAILED:
        output.warn(FAILED_ADVICE)


def _quality(metrics: Mapping[str, Any], note: str) -> str:
    if {"esr", "split", "verdict"} <= metrics.keys():
        return f"ESR {percent(metrics['esr'])} on the {metrics['split']} split: {metrics['verdict']}{note}"
    if "held_out" in metrics:
        return f"spectral loss {metrics['held_out']['loss']:.2f} on what was kept back"
    return "not tested"


def _reach(card: Card) -> str:
    context_ms = 1e3 * card["receptive_field"] / card["sample_rate_hz"]
    return f", receptive field {context_ms:.1f} ms, latency {card['latency']} samples"


def _rounding(result: Result) -> Iterator[tuple[str, str]]:
    """What storing the weights in less costs."""
    if error := result.rounding_esr:
        below = f"{decibels(-10 * math.log10(error))} below the signal (ESR {percent(error)})"
        yield "Precision", f"{result.precision}: what rounding the weights changed is {below}, over {result.parity_s:g} s"
