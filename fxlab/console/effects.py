"""How `fxlab effects` looks."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import duration, pairs, table
from fxlab.effects.params import Choice, Parameter
from fxlab.services.effects import Description, Listing


def show_list(listing: Listing) -> None:
    """One line per effect."""
    rows = [(one.name, one.help, len(one.parameters), ", ".join([*one.engines, "torch"])) for one in listing.effects]
    output.out().print(table("", ("effect", "what it does", "parameters", "forms"), rows, numbers=("parameters",)))
    output.note("`fxlab effects show NAME` tells an effect's parameters.")


def show_description(shown: Description) -> None:
    """An effect's parameters, and what it costs in time."""
    effect, out = shown.effect, output.out()
    out.print(f"{effect.name}: {effect.help}", markup=False, soft_wrap=True)
    columns = ("parameter", "default", "range", "scale", "what it does")
    out.print(table("", columns, [_row(one) for one in effect.parameters], numbers=("default",)))
    rate = f"at {shown.sample_rate_hz} Hz with the defaults"
    out.print(
        pairs(
            "",
            (
                ("latency", f"{_span(shown.latency, shown.sample_rate_hz)} {rate}"),
                ("tail", f"{_span(shown.tail, shown.sample_rate_hz)} {rate}"),
                ("forms", ", ".join([*effect.engines, "torch (differentiable)"])),
            ),
        )
    )


def _row(one: Parameter) -> tuple:
    if isinstance(one, Choice):
        return one.name, str(one.default).lower(), one.range_text, "choice", one.help
    return one.name, f"{one.default:g}", one.range_text, one.scale, one.help


def _span(samples: int, rate_hz: int) -> str:
    return f"{samples} samples ({duration(samples / rate_hz)})" if samples else "none"
