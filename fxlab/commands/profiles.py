"""`fxlab profiles`: list, show and check settings files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import examples, profile_names

Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A profile's name or its file.", autocompletion=profile_names)]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Profile files.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Adds `profiles list|show|check`."""
    group = typer.Typer(
        no_args_is_help=True,
        help="List, show and check settings files.",
        epilog=examples(
            "fxlab profiles show saturator-hq", "fxlab profiles check my.toml && fxlab render in.wav --profile my.toml"
        ),
    )
    group.command("list", epilog=examples("fxlab profiles list", "fxlab profiles list --json"))(list_profiles)
    group.command("show", epilog=examples("fxlab profiles show saturator", "fxlab profiles show ./my.toml --json"))(show_profile)
    group.command("check", epilog=examples("fxlab profiles check my.toml", "fxlab profiles check profiles/*.toml"))(
        check_profiles
    )
    app.add_typer(group, name="profiles")


def list_profiles() -> None:
    """List the profiles that have a name.

    They are your own and those that come with fxlab.
    """
    from fxlab.console import output
    from fxlab.console.profiles import show_list
    from fxlab.services.profiles import listing

    output.finish(listing(), show_list)


def show_profile(name: Name) -> None:
    """Show every setting and where it comes from.

    A setting is either on a line of the profile or a default.
    """
    from fxlab.console import output
    from fxlab.console.profiles import show_settings
    from fxlab.services.profiles import settings_of

    output.finish(settings_of(name), show_settings)


def check_profiles(files: Files) -> None:
    """Check profile files.

    Every problem is named with its line; the exit code is 2 if there is one.
    """
    from fxlab.console import output
    from fxlab.console.profiles import show_check
    from fxlab.services.profiles import check, require_sound

    result = check(files)
    output.finish(result, show_check)
    require_sound(result)
