"""`fxlab render`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import (
    Adapt,
    ClusterAddress,
    Effects,
    Engine,
    Force,
    Html,
    Plot,
    ProfileName,
    Sets,
    Workers,
    cluster_from,
    effects_from,
    examples,
)

Inputs = Annotated[list[str], typer.Argument(metavar="INPUTS...", help="Audio files, folders, patterns.")]
# As text: a path would lose the slash that tells a folder from a file.
Output = Annotated[
    str | None, typer.Option("--output", "-o", metavar="FILE|FOLDER/", help="Where the result goes; a folder for several inputs.")
]
Mix = Annotated[float | None, typer.Option("--mix", metavar="SHARE", help="Share of the effect, 0 .. 1; the rest is dry.")]
Tail = Annotated[
    str | None,
    typer.Option("--tail", metavar="none|auto|TIME", help="What is added after the end: auto lets it ring out. Default: none."),
]
Format = Annotated[str | None, typer.Option("--format", metavar="wav|flac|ogg", help="Container; by default as -o says, or wav.")]
BitDepth = Annotated[
    str | None, typer.Option("--bit-depth", metavar="auto|16|24|float", help="Sample format; auto keeps the input's.")
]


def register(app: typer.Typer) -> None:
    """Adds `render`."""
    app.command(
        "render",
        epilog=examples(
            "fxlab render guitar.wav -o loud.flac --effect saturator --set drive_db=18 --mix 0.7",
            "fxlab render takes/ -o processed/ --effect eq --effect tcn --bit-depth 24",
            "fxlab render /nfs/takes/ -o /nfs/processed/ --effect tcn --cluster tcp://studio:8786",
        ),
    )(render)


def render(
    inputs: Inputs,
    output: Output = None,
    effect: Effects = None,
    set_: Sets = None,
    engine: Engine = None,
    adapt: Adapt = False,
    profile: ProfileName = None,
    mix: Mix = None,
    tail: Tail = None,
    format: Format = None,
    bit_depth: BitDepth = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    plot: Plot = None,
    html: Html = None,
    force: Force = False,
) -> None:
    """Play audio files through effects, chains and models.

    Sample rate, channels, tags and length are kept and the effect's delay is taken out. Without -o, NAME.wav becomes
    NAME.EFFECT.wav beside it. A model trained at another rate runs at its own. --plot draws dry, effect and network; of ace,
    levels and contrast before and after.
    """
    from fxlab.console import output as console
    from fxlab.console.progress import bars
    from fxlab.console.render import show_render
    from fxlab.profiles import load, override
    from fxlab.services.render.service import Request, run
    from fxlab.settings import Profile

    base = load(profile) if profile else Profile()
    settings = override(base.render, mix=mix, tail=tail, format=format, bit_depth=bit_depth)
    # A name given with -o outranks a profile's format, and only another --format contradicts it.
    named = output is not None and bool(Path(output).suffix) and not os.path.isdir(output)
    request = Request(
        inputs=inputs,
        effects=effects_from(base, effect, set_, engine, adapt=adapt),
        output=output,
        format=format if named else settings.format,
        bit_depth=settings.bit_depth,
        mix=settings.mix,
        tail=settings.tail,
        workers=workers,
        force=force,
        plot=plot,
        html=html,
        command=console.typed(),
        cluster=cluster_from(cluster),
    )
    with bars() as progress:
        result = run(request, progress)
    console.finish(result, show_render)
    raise typer.Exit(result.exit_code)
