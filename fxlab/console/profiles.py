"""How `fxlab profiles` looks."""

from __future__ import annotations

from fxlab.console import output
from fxlab.console.tables import cell, table
from fxlab.services.profiles import Check, Listing, Settings


def show_list(listing: Listing) -> None:
    """The named profiles."""
    rows = [(info.name, info.description, info.origin) for info in listing.profiles]
    output.out().print(table("", ("profile", "what it is", "origin"), rows))
    output.note(f"Your own profiles live in {listing.user_folder}")


def show_settings(shown: Settings) -> None:
    """Every setting, those the profile gives in bold with their line."""
    from rich.text import Text

    rows = []
    for row in shown.settings:
        style = "dim" if row.line is None else "bold"
        origin = "default" if row.line is None else f"line {row.line}"
        value = _as_toml(row.value)
        rows.append((row.section, Text(row.name, style), cell(value), Text(origin, style), row.help))
    out = output.out()
    output.say(f"{shown.path}: {shown.description}")
    out.print(table("", ("section", "setting", "value", "from", "what it does"), rows))


def _as_toml(value: object) -> object:
    """Text in quotes and truth values in lower case, as a profile has them."""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, str) else value


def show_check(result: Check) -> None:
    """One line per sound file, one or two per problem."""
    out = output.out()
    for reading in result.readings:
        if not reading.problems:
            out.print(f"{reading.path}: ok", markup=False, soft_wrap=True)
        for problem in reading.problems:
            out.print(str(problem), style="red", markup=False, soft_wrap=True)
            if problem.hint:
                out.print(f"    {problem.hint}", style="dim", markup=False, soft_wrap=True)
