"""`fxlab master`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import ClusterAddress, Force, Html, ProfileName, Workers, cluster_from, examples
from fxlab.errors import UsageError

Inputs = Annotated[list[str], typer.Argument(metavar="SONGS...", help="Audio files, folders, patterns.")]
Output = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", metavar="FILE|FOLDER/", help="Where the master goes; by default NAME.master.wav beside the song."
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="release, spotify, apple, youtube, tidal, amazon, deezer, ebu-r128, aes or cd; repeat it for a file each.",
    ),
]
Lufs = Annotated[float | None, typer.Option("--lufs", metavar="LUFS", help="Loudness instead of the target's, such as -9.")]
Ceiling = Annotated[float | None, typer.Option("--ceiling", metavar="DBTP", help="Highest true peak instead of the target's.")]
_PERCENT = "0..100"
Amount = Annotated[float | None, typer.Option("--amount", metavar=_PERCENT, help="How much of everything; 0 changes nothing.")]
Tone = Annotated[float | None, typer.Option("--tone", metavar=_PERCENT, help="How much of the equaliser.")]
Dynamics = Annotated[float | None, typer.Option("--dynamics", metavar=_PERCENT, help="How much of the compressor.")]
Width = Annotated[float | None, typer.Option("--width", metavar=_PERCENT, help="How much of the stereo width.")]
Loudness = Annotated[
    float | None, typer.Option("--loudness", metavar=_PERCENT, help="How much of the way to the target's loudness.")
]
References = Annotated[
    list[Path] | None,
    typer.Option("--reference", metavar="FILE", help="A song to sound like; repeat it to go by what several have in common."),
]
ReferenceTone = Annotated[
    float | None, typer.Option("--reference-tone", metavar=_PERCENT, help="How far towards the reference's tone.")
]
ReferenceDynamics = Annotated[
    float | None, typer.Option("--reference-dynamics", metavar=_PERCENT, help="How far towards its dynamics.")
]
ReferenceWidth = Annotated[
    float | None, typer.Option("--reference-width", metavar=_PERCENT, help="How far towards its stereo width.")
]
Preset = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="Character to add: warm, bright, punchy, open or gentle.")
]
ModelFile = Annotated[
    Path | None, typer.Option("--model", metavar="FILE", help="A mastering network of your own, instead of the one that ships.")
]
Insist = Annotated[bool, typer.Option("--insist", help="Correct a song even if it measures like a finished master.")]
SaveChain = Annotated[
    Path | None, typer.Option("--save-chain", metavar="FILE", help="Keep what was done as JSON, to edit or replay.")
]
ChainFile = Annotated[
    Path | None,
    typer.Option(
        "--chain", metavar="FILE", help="Do what this file says; its loudness too, unless a target or loudness is given."
    ),
]
Album = Annotated[bool, typer.Option("--album", help="The songs are one album: they keep their levels among each other.")]
Preview = Annotated[
    Path | None, typer.Option("--preview", metavar="FILE", help="The loudest part before and after, equally loud, to compare.")
]
Delta = Annotated[Path | None, typer.Option("--delta", metavar="FILE", help="What was added or taken away, as audio.")]
Trim = Annotated[bool, typer.Option("--trim", help="Cut silence at both ends.")]
Fade = Annotated[str | None, typer.Option("--fade", metavar="TIME|IN,OUT", help="Fade out, or in and out: 2s, or 10ms,2s.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say in plain words what was done and why.")]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw spectrum, loudness and gain reduction: PNG, SVG or PDF.")
]
Codecs = Annotated[
    bool | None,
    typer.Option("--codecs/--no-codecs", help="Try lossy codecs (ffmpeg) on the whole master; by default on 10 s."),
]
Format = Annotated[str | None, typer.Option("--format", metavar="wav|flac|ogg", help="Container; by default as -o says, or wav.")]
BitDepth = Annotated[
    str | None, typer.Option("--bit-depth", metavar="auto|16|24|float", help="Sample format; auto takes the target's.")
]


def register(app: typer.Typer) -> None:
    """Adds `master`."""
    app.command(
        "master",
        epilog=examples(
            "fxlab master song.wav",
            "fxlab master song.wav --target spotify --target cd -o masters/ --explain",
            "fxlab master song.wav --reference other.flac --reference-width 0 --preview compare.wav",
            "fxlab master album/ --album -o mastered/ --format flac",
        ),
    )(master)


def master(
    inputs: Inputs,
    output: Output = None,
    target: Targets = None,
    lufs: Lufs = None,
    ceiling: Ceiling = None,
    amount: Amount = None,
    tone: Tone = None,
    dynamics: Dynamics = None,
    width: Width = None,
    loudness: Loudness = None,
    reference: References = None,
    reference_tone: ReferenceTone = None,
    reference_dynamics: ReferenceDynamics = None,
    reference_width: ReferenceWidth = None,
    preset: Preset = None,
    model: ModelFile = None,
    insist: Insist = False,
    chain: ChainFile = None,
    save_chain: SaveChain = None,
    album: Album = False,
    preview: Preview = None,
    delta: Delta = None,
    trim: Trim = False,
    fade: Fade = None,
    explain: Explain = False,
    plot: Plot = None,
    html: Html = None,
    codecs: Codecs = None,
    format: Format = None,
    bit_depth: BitDepth = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    profile: ProfileName = None,
    force: Force = False,
) -> None:
    """Master a song for release: tone, dynamics, width, loudness, and a true-peak limiter.

    Listens, does what the song lacks and leaves alone what is good. The written file is read back and measured; a promise it
    doesn't keep (loudness within 0.1 LU, peaks under the ceiling) is exit code 5, and the file stays. Sample rate, channels
    and tags are kept.
    """
    from fxlab.console import output as console
    from fxlab.console.master import show_master
    from fxlab.console.progress import bars
    from fxlab.profiles import load, override
    from fxlab.services.master.service import Request, run
    from fxlab.settings import Profile

    # In a profile these say that the target's own figure is meant.
    if lufs == 0 or ceiling == 1:
        given = "--lufs 0" if lufs == 0 else "--ceiling 1"
        raise UsageError(f"{given} is above what can be made.", "Loudness and ceiling are below full scale, such as -9 and -1.")
    base = load(profile) if profile else Profile()
    settings = override(
        base.master,
        lufs=lufs,
        ceiling_db=ceiling,
        amount=amount,
        tone=tone,
        dynamics=dynamics,
        width=width,
        loudness=loudness,
        preset="none" if chain and not preset else preset,  # the profile's is not meant for a chain
        format=format,
        bit_depth=bit_depth,
    )
    # A name given with -o outranks a profile's format, and only another --format contradicts it.
    named = output is not None and bool(Path(output).suffix) and not os.path.isdir(output)
    request = Request(
        inputs=inputs,
        settings=settings,
        targets=target or (),
        output=output,
        format=format if named else settings.format,
        references=reference or (),
        reference_percent={"tone": reference_tone, "dynamics": reference_dynamics, "width": reference_width},
        model=model,
        insist=insist,
        chain=chain,
        replay=target is None and lufs is None and ceiling is None,
        save_chain=save_chain,
        album=album,
        preview=preview,
        delta=delta,
        trim=trim,
        fade=fade,
        plot=plot,
        html=html,
        command=console.typed(),
        codecs=codecs,
        workers=workers,
        force=force,
        cluster=cluster_from(cluster),
    )
    with bars() as progress:
        result = run(request, progress)
    console.finish(result, lambda shown: show_master(shown, explain))
    raise typer.Exit(result.exit_code)
