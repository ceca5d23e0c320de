"""How `fxlab effects` looks."""

from __future__ import annotations

from collections.abc import Sequence

from fxlab.console import output
from fxlab.console.nam import nam_rows
from fxlab.console.tables import duration, figure, pairs, table
from fxlab.effects.params import Choice, FileParam, Param, Parameter
from fxlab.engines.loader import engines_of, parameters_of
from fxlab.services.effects import Description, Listing, ModelDescription
from fxlab.shipped import ABOUT

_MOST_SHOWN = 16  # numbers of a list
_LEFT_TO_JSON = {"config", "settings", "grow", "mastering"}
"""Entries of a card that tell how the network was made in all detail."""


def show_list(listing: Listing) -> None:
    """One line per effect and model."""
    rows = [(one.name, one.help, len(one.parameters), ", ".join(one.engines)) for one in listing.effects]
    rows += [(name, ABOUT[name], len(parameters_of(name)) or None, ", ".join(engines_of(name))) for name in listing.models]
    output.out().print(table("", ("name", "what it does", "parameters", "engines"), rows, numbers=("parameters",)))
    for problem in listing.problems:
        output.warn(problem)
    output.note("`fxlab effects show NAME` tells what an effect can be set to, or what a model is.")


def show_description(shown: Description | ModelDescription) -> None:
    """An effect's parameters or a model's card, and its latency and tail."""
    if isinstance(shown, ModelDescription):
        rate_hz = shown.card["sample_rate_hz"]
        about = [("latency", _span(shown.latency, rate_hz)), ("tail", _span(shown.tail, rate_hz))]
        if shown.controls:
            output.out().print(_parameters("knob", [control.param for control in shown.controls]))
        if shown.learnt:
            rows = [(one.name, f"{value:.6g}", one.unit, f"{one.low:g} .. {one.high:g}", one.help) for one, value in shown.learnt]
            out = output.out()
            out.print(table("", ("learnt", "value", "unit", "range", "what it does"), rows, numbers=("value",)))
        card = {name: value for name, value in shown.card.items() if name not in ("controls", "latency")}
        output.out().print(pairs("", [("file", shown.path), ("engines", ", ".join(shown.engines)), *about, *_flat(card)]))
        output.note("`--json` tells how it was made in all detail.")
        return
    effect, out = shown.effect, output.out()
    output.say(f"{effect.name}: {effect.help}")
    out.print(_parameters("parameter", effect.parameters, effect.learnable))
    if effect.learnable:
        mapped = "each from an unconstrained u as low + (high - low) sigmoid(u), between their logarithms where it says log"
        output.say(f"{len(effect.learnable)} parameters can be learnt: {mapped}.")
    rate = f"at {shown.sample_rate_hz} Hz with the defaults"
    out.print(
        pairs(
            "",
            (
                ("latency", f"{_span(shown.latency, shown.sample_rate_hz)} {rate}"),
                ("tail", f"{_span(shown.tail, shown.sample_rate_hz)} {rate}"),
                ("engines", ", ".join(effect.engines)),
            ),
        )
    )


def _parameters(called: str, parameters: Sequence[Parameter], learnable: Sequence[str] = ()):
    columns = [called, "default", "range", "scale", "what it does"]
    rows = [_row(one) for one in parameters]
    if learnable:
        columns.insert(4, "learnt by")
        rows = [
            (*row[:4], _learnt_by(one) if one.name in learnable else None, row[4])
            for one, row in zip(parameters, rows, strict=True)
        ]
    return table("", columns, rows, numbers=("default",))


def _learnt_by(one: Param) -> str:
    return "sigmoid, log" if one.scale == "log" else "sigmoid"


def _row(one: Parameter) -> tuple:
    if isinstance(one, Choice):
        return one.name, str(one.default).lower(), one.range_text, "choice", one.help
    if isinstance(one, FileParam):
        return one.name, one.default, one.range_text, "file", one.help
    return one.name, f"{one.default:g}", one.range_text, one.scale, one.help


def _flat(card: dict, prefix: str = "") -> list[tuple[str, object]]:
    """A card's entries by dotted name, but for those that only a program would read."""
    rows: list[tuple[str, object]] = []
    for name, value in card.items():
        if name in _LEFT_TO_JSON or value == [] or _is_table(value):
            continue
        if isinstance(value, dict):
            rows += nam_rows(value) if prefix + name == "nam" else _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            rows += [(f"{prefix}{name} {number}", _inline(item)) for number, item in enumerate(value, 1)]
        else:
            rows.append((prefix + name, ", ".join(map(str, value)) if isinstance(value, list) else value))
    return rows


def _is_table(value: object) -> bool:
    return isinstance(value, list) and len(value) > _MOST_SHOWN and not isinstance(value[0], (dict, str))


def _inline(item: dict) -> str:
    """A small record in one line."""
    parts = []
    for name, value in item.items():
        text = f"({_inline(value)})" if isinstance(value, dict) else figure(value) if isinstance(value, float) else str(value)
        parts.append(f"{name} {text}")
    return ", ".join(parts)


def _span(samples: int, rate_hz: int) -> str:
    return f"{samples} samples ({duration(samples / rate_hz)})" if samples else "none"
