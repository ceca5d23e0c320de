"""`fxlab grow`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import Force, Html, ProfileName, examples
from fxlab.errors import UsageError

_WHAT, _HOW, _LEARN, _OUT = "What is played", "How it grows", "Learning from recordings", "What is written"
DEFAULT = "grow-fast"
"""The profile that recordings are learnt by, unless another is named."""
MINUTES = 3.0
"""What they are learnt in then."""

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RECORDINGS|INSTRUMENT",
        help="Recordings of one instrument to learn, or a learnt one (.safetensors); without any, the one that ships.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Audio to write; by default NAME.grown.wav.", rich_help_panel=_OUT),
]
Seconds = Annotated[
    str | None,
    typer.Option("--seconds", metavar="TIME", help="Length of the instrument's own phrase.", rich_help_panel=_WHAT),
]
Stages = Annotated[
    int | None, typer.Option("--stages", metavar="N", min=1, help="N notes, each older than the last.", rich_help_panel=_WHAT)
]
StageSeconds = Annotated[
    float, typer.Option("--stage-seconds", metavar="S", help="Length of such a note.", rich_help_panel=_WHAT)
]
RestSeconds = Annotated[
    float, typer.Option("--rest-seconds", metavar="S", help="Length of the rest after it.", rich_help_panel=_WHAT)
]
Melody = Annotated[bool, typer.Option("--melody", help="Stages follow the notes of the phrase.", rich_help_panel=_WHAT)]
Along = Annotated[
    Path | None,
    typer.Option("--along", metavar="FILE", help="Grow along a melody: audio or MIDI.", rich_help_panel=_WHAT),
]
Resynth = Annotated[
    Path | None,
    typer.Option("--resynth", metavar="FILE", help="Play audio in the instrument's timbre, all grown.", rich_help_panel=_WHAT),
]
Voices = Annotated[
    int | None,
    typer.Option("--voices", metavar="N", help="Voices for MIDI; 1 is a solo.", rich_help_panel=_WHAT),
]
Match = Annotated[
    bool,
    typer.Option("--match/--no-match", help="Bring a melody into the instrument's range.", rich_help_panel=_WHAT),
]
Pitch = Annotated[float, typer.Option("--pitch", metavar="SEMITONES", help="Higher, or lower.", rich_help_panel=_WHAT)]
Loudness = Annotated[float, typer.Option("--loudness", metavar="DB", help="Played louder, or softer.", rich_help_panel=_WHAT)]
F0 = Annotated[
    Path | None,
    typer.Option("--f0", metavar="FILE.csv", help="Pitch of the audio as a table: time_s,f0_hz.", rich_help_panel=_WHAT),
]
Rate = Annotated[int | None, typer.Option("--rate", metavar="HZ", help="Of the output, 8000 to 192000.", rich_help_panel=_OUT)]
Age = Annotated[
    str | None,
    typer.Option("--age", metavar="LANE", help="Age over time, 0:0,4:1: at 0 s 0, at 4 s 1.", rich_help_panel=_HOW),
]
Damage = Annotated[
    str | None,
    typer.Option("--damage", metavar="CELLS@TIME", help="Cut cells out, 10:30@6s.", rich_help_panel=_HOW),
]
Regrow = Annotated[bool, typer.Option("--regrow", help="Cut cells grow back at any age.", rich_help_panel=_HOW)]
Reverse = Annotated[bool, typer.Option("--reverse", help="From old to young.", rich_help_panel=_HOW)]
Steps = Annotated[
    int | None, typer.Option("--steps", metavar="N", help="Of the automaton until it is grown.", rich_help_panel=_HOW)
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**31 - 1, help="Of all randomness.", rich_help_panel=_HOW)]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds",
        metavar="N",
        min=1,
        help="N renderings to choose from, named after their seeds, and a picture.",
        rich_help_panel=_HOW,
    ),
]
Into = Annotated[
    Path | None,
    typer.Option("--into", metavar="FILE", help="An instrument that grows as this one recedes.", rich_help_panel=_HOW),
]
Nca = Annotated[
    str | None,
    typer.Option("--nca", metavar="grown|classic", help="Which automaton; one is learnt with it.", rich_help_panel=_HOW),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", metavar="MIN", help="Time to learn in: 3, or what a --profile needs.", rich_help_panel=_LEARN),
]
Save = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help="Where the instrument is kept.", rich_help_panel=_LEARN),
]
Size = Annotated[str | None, typer.Option("--size", metavar="tiny|full|seed", help="Of the network.", rich_help_panel=_LEARN)]
Stems = Annotated[bool, typer.Option("--stems", help="Harmonics and noise as files, too.", rich_help_panel=_OUT)]
Stereo = Annotated[bool, typer.Option("--stereo", help="Spread harmonics and noise.", rich_help_panel=_OUT)]
Mask = Annotated[
    Path | None, typer.Option("--mask", metavar="FILE", help="Write the cells' gains: .csv or picture.", rich_help_panel=_OUT)
]
Wavetable = Annotated[
    Path | None,
    typer.Option("--wavetable", metavar="FILE.wav", help="Write growth as a wavetable for synthesizers.", rich_help_panel=_OUT),
]
Sfz = Annotated[
    Path | None, typer.Option("--sfz", metavar="FOLDER", help="Write the grown instrument for samplers.", rich_help_panel=_OUT)
]
BitDepth = Annotated[str, typer.Option("--bit-depth", metavar="16|24|float", help="Sample format.", rich_help_panel=_OUT)]
Plot = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Draw what grew: PNG, SVG or PDF.", rich_help_panel=_OUT)
]
Report = Annotated[bool, typer.Option("--report", help="Measure how it grows.", rich_help_panel=_OUT)]


def register(app: typer.Typer) -> None:
    """Adds `grow`."""
    app.command(
        "grow",
        epilog=examples(
            "fxlab grow -o grown.wav --report --plot growth.png",
            "fxlab grow sax.flac -o grown.wav --save sax.safetensors --minutes 5",
            "fxlab grow sax.safetensors --along song.mid --age 0:0,4:1 --damage 10:30@6s",
            "fxlab grow sax.safetensors --resynth voice.wav --stereo",
            "fxlab grow sax.safetensors --seeds 9 --stages 32",
        ),
    )(grow)


def grow(
    inputs: Inputs = None,
    seconds: Seconds = None,
    stages: Stages = None,
    stage_seconds: StageSeconds = 0.5,
    rest_seconds: RestSeconds = 0.2,
    melody: Melody = False,
    along: Along = None,
    resynth: Resynth = None,
    voices: Voices = None,
    match: Match = True,
    pitch: Pitch = 0.0,
    loudness: Loudness = 0.0,
    f0: F0 = None,
    age: Age = None,
    damage: Damage = None,
    regrow: Regrow = False,
    reverse: Reverse = False,
    steps: Steps = None,
    seed: Seed = 0,
    seeds: Seeds = 1,
    into: Into = None,
    nca: Nca = None,
    minutes: Minutes = None,
    save: Save = None,
    size: Size = None,
    output: Output = None,
    rate: Rate = None,
    bit_depth: BitDepth = "24",
    stems: Stems = False,
    stereo: Stereo = False,
    mask: Mask = None,
    wavetable: Wavetable = None,
    sfz: Sfz = None,
    plot: Plot = None,
    html: Html = None,
    report: Report = False,
    profile: ProfileName = None,
    force: Force = False,
) -> None:
    """Let a timbre grow: learn an instrument from recordings, or take one, and play it from seed to grown.

    The instrument's harmonics and noise bands are cells of an automaton that grows them along a performance: its own phrase,
    notes in stages, or a melody of yours. A training that was interrupted goes on when the same command is given again.
    """
    from fxlab.console import output as console
    from fxlab.console.grow import show_grow
    from fxlab.console.progress import bars
    from fxlab.durations import parse_duration
    from fxlab.profiles import load, override
    from fxlab.services.grow.service import Request, run

    if all(Path(name).suffix.lower() == ".safetensors" for name in inputs or ()):
        for option, given in {"--minutes": minutes, "--size": size, "--profile": profile}.items():
            if given is not None:
                raise UsageError(f"{option} {given}: nothing is learnt here.", "Name recordings, or leave it out.")
    base = load(profile or DEFAULT)
    request = Request(
        inputs=inputs or (),
        output=output,
        minutes=(0.0 if profile else MINUTES) if minutes is None else minutes,
        save=save,
        model=override(base.model, type="ddsp", size=size),
        training=base.train,
        grow=base.grow,
        profile=Path(profile or DEFAULT).stem,
        seconds=None if seconds is None else parse_duration(seconds),
        stages=stages or 0,
        stage_s=stage_seconds,
        rest_s=rest_seconds,
        melody=melody,
        along=along,
        resynth=resynth,
        voices=voices,
        match=match,
        pitch=pitch,
        loudness_db=loudness,
        f0=f0,
        rate_hz=rate,
        age=age,
        damage=damage,
        regrow=regrow,
        reverse=reverse,
        steps=steps,
        seed=seed,
        seeds=seeds,
        into=into,
        automaton=nca,
        bit_depth=bit_depth,
        stems=stems,
        stereo=stereo,
        mask=mask,
        wavetable=wavetable,
        sfz=sfz,
        plot=plot,
        html=html,
        command=console.typed(),
        report=report,
        force=force,
    )
    with bars() as progress:
        result = run(request, progress)
    console.finish(result, show_grow)
    if result.exit_code:
        console.note("Interrupted. What was learnt is saved, and the same command goes on.")
    raise typer.Exit(result.exit_code)
