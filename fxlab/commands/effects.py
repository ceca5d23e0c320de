"""`fxlab effects`: list and show what can be named with `--effect`."""

from __future__ import annotations

from typing import Annotated

import typer

from fxlab.commands.options import examples

Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="An effect, a shipped model or a model file.")]


def register(app: typer.Typer) -> None:
    """Adds `effects list|show`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="List the effects and models, and show what each can be set to.",
        epilog=examples("fxlab effects show saturator", "fxlab render in.wav --effect bitcrusher --set bits=6"),
    )
    group.command("list", epilog=examples("fxlab effects list", "fxlab effects list --json"))(list_effects)
    group.command("show", epilog=examples("fxlab effects show eq", "fxlab effects show bitcrusher --json"))(show_effect)
    app.add_typer(group, name="effects")


def list_effects() -> None:
    """List the effects and the models that come with fxlab."""
    from fxlab.console import output
    from fxlab.console.effects import show_list
    from fxlab.services.effects import listing

    output.finish(listing(), show_list)


def show_effect(name: Name) -> None:
    """Show an effect's parameters or a model's card."""
    from fxlab.console import output
    from fxlab.console.effects import show_description
    from fxlab.services.effects import describe

    output.finish(describe(name), show_description)
