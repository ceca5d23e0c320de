"""`fxlab dataset`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands import dataset_capture as captured
from fxlab.commands.dataset_capture import Buffer, Capture, InputDevice, LevelDb, OutputDevice
from fxlab.commands.dataset_recorded import Align, Clip, Dry, Lead, Wet, pairs_from
from fxlab.commands.options import (
    ClusterAddress,
    Effects,
    Engine,
    Force,
    Output,
    ProfileName,
    Seed,
    Sets,
    Workers,
    cluster_from,
    effects_from,
    examples,
    literal,
)
from fxlab.errors import UsageError

Inputs = Annotated[list[str] | None, typer.Argument(metavar="INPUTS...", help="Dry recordings: files, folders, patterns.")]
Synthesize = Annotated[
    str | None, typer.Option("--synthesize", metavar="TIME", help="Make test signals of this length, such as 3min, to train on.")
]
Levels = Annotated[str | None, typer.Option("--levels", metavar="DB,...", help="Gains at which recordings are played, as 0,-12.")]
Grid = Annotated[
    list[str] | None, typer.Option("--grid", metavar="K=V,...", help="Render every value of a parameter, as drive_db=0,12,24.")
]
Random = Annotated[
    list[str] | None,
    typer.Option("--random", metavar="K=LOW:HIGH", help="Draw a parameter for each rendering, as bias=-0.5:0.5."),
]
Draws = Annotated[int | None, typer.Option("--draws", min=1, help="Renderings of each recording with drawn parameters.")]
Chunk = Annotated[float | None, typer.Option("--chunk", metavar="SECONDS", help="Cut pairs into chunks; 0 keeps takes whole.")]
Trim = Annotated[float | None, typer.Option("--trim", metavar="DB", help="Cut off beginnings and ends below this peak level.")]
Validation = Annotated[float | None, typer.Option("--validation", metavar="SHARE", help="Share of recordings for validation.")]
Test = Annotated[float | None, typer.Option("--test", metavar="SHARE", help="Share of recordings for testing.")]
SnrDb = Annotated[
    str | None,
    typer.Option("--snr-db", metavar="DB,...", help="Mix inputs with noise at these ratios, as 0,5; targets stay clean."),
]
Noise = Annotated[
    str | None, typer.Option("--noise", metavar="KIND|FILE", help="For --snr-db: speech-shaped, white, pink or an audio file.")
]
Rate = Annotated[int | None, typer.Option("--rate", metavar="HZ", help="The dataset's sample rate.")]


def register(app: typer.Typer) -> None:
    """Adds `dataset`."""
    app.command(
        "dataset",
        epilog=examples(
            "fxlab dataset takes/ -o ds --effect saturator --set drive_db=18 --synthesize 3min",
            "fxlab dataset --dry di.wav --wet pedal.wav -o ds",
            "fxlab dataset --capture -o ds --output-device usb --input-device usb",
            "fxlab dataset speech/ --snr-db 0,5 -o noisy",
            "fxlab dataset takes/*.wav -o knobs --effect saturator --grid drive_db=0,12,24 --levels 0,-12 --chunk 10",
        ),
    )(dataset)


def dataset(
    inputs: Inputs = None,
    dry: Dry = None,
    wet: Wet = None,
    capture: Capture = False,
    input_device: InputDevice = None,
    output_device: OutputDevice = None,
    buffer: Buffer = None,
    level_db: LevelDb = None,
    output: Output = None,
    effect: Effects = None,
    set_: Sets = None,
    engine: Engine = None,
    profile: ProfileName = None,
    synthesize: Synthesize = None,
    levels: Levels = None,
    grid: Grid = None,
    random: Random = None,
    draws: Draws = None,
    chunk: Chunk = None,
    align: Align = None,
    clip: Clip = None,
    lead: Lead = None,
    snr_db: SnrDb = None,
    noise: Noise = None,
    trim: Trim = None,
    validation: Validation = None,
    test: Test = None,
    rate: Rate = None,
    seed: Seed = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    force: Force = False,
) -> None:
    """Make aligned dry and wet pairs to train on.

    Plays dry recordings through an effect or a chain and keeps both sides. Recordings are split into training, validation and
    test by their content, never two parts of one take on both sides. An interrupted run goes on where it stopped.

    With --snr-db the inputs are mixed with noise and the targets are not, for networks that make speech clearer. No effect is
    needed then.

    With --dry and --wet it takes recordings of a real device instead: finds delay, drift, polarity and defects, aligns both
    sides, splits them along time, and tells what it found in words and in DIR/pair.png.

    With --capture it makes that recording itself: it plays INPUTS or test signals out of the sound interface, through a pedal or
    an amplifier, and records what comes back. --effect stands in for the device, to try it with a plain cable.
    """
    from fxlab.console import output as console
    from fxlab.console.dataset import show_dataset
    from fxlab.console.progress import bars
    from fxlab.profiles import load, override
    from fxlab.services.dataset import recorded
    from fxlab.services.dataset import service as rendered
    from fxlab.settings import Profile

    base = load(profile) if profile else Profile()
    settings = override(
        base.dataset,
        synthesize=synthesize,
        levels_db=None if levels is None else _numbers("--levels", levels, ","),
        grid=dict(_assigned("--grid", text, ",") for text in grid) if grid else None,
        random=dict(_assigned("--random", text, ":") for text in random) if random else None,
        draws=draws,
        snr_db=None if snr_db is None else _numbers("--snr-db", snr_db, ","),
        noise=noise,
        chunk_s=chunk,
        trim_db=trim,
        validation=validation,
        test=test,
        seed=seed,
        align=align,
        clip_s=clip,
        lead_s=lead,
    )
    folder = output or Path("dataset")
    own = {"--input-device": input_device, "--output-device": output_device, "--buffer": buffer, "--level-db": level_db}
    if capture:
        captured.require_fit(
            {
                "--dry": dry,
                "--wet": wet,
                "pairs in the profile": settings.pairs,
                "--grid": settings.grid,
                "--random": settings.random,
            }
            | {"--draws": draws, "--levels": levels, "--clip": clip, "--no-align": align is False, "--workers": workers}
            | {"knobs in the profile": settings.knobs, "--cluster": cluster, "--snr-db": settings.snr_db, "--noise": noise}
        )
        chain = effects_from(base, effect, set_, engine) if effect or set_ or engine else []
        live = captured.live_settings(base, input_device, output_device, buffer, rate)
        captured.run(inputs or [], folder, chain, settings, live, level_db, force)
    captured.require_no_capture_options(own)
    if pairs := pairs_from(settings.pairs, inputs, dry, wet):
        if effect or set_ or synthesize or grid or random or draws or levels or snr_db or noise:
            raise UsageError(
                "Recorded pairs don't go through an effect.",
                "Drop --effect, --set, --synthesize, --levels, --grid, --random, --draws, --snr-db, --noise; "
                "a device's knobs stand in a profile.",
            )
        if cluster:
            raise UsageError("Recorded pairs are aligned on this machine.", "Drop --cluster.")
        run, request, chain = recorded.run, recorded.Request(pairs, folder, settings, rate, force), []
    else:
        audio = override(base.audio, sample_rate_hz=rate)
        named = effect or set_ or base.effects or not settings.snr_db
        chain = effects_from(base, effect, set_, engine) if named else []
        rate_hz, nodes = audio.sample_rate_hz, cluster_from(cluster)
        request = rendered.Request(inputs or [], folder, chain, settings, rate_hz, workers, force, nodes)
        run = rendered.run
    try:
        with bars() as progress:
            result = run(request, progress)
    except KeyboardInterrupt:
        console.note("What is finished is kept: the same command goes on from here.")
        raise
    console.finish(result, functools.partial(show_dataset, effects=[one.name for one in chain]))
    raise typer.Exit(result.exit_code)


def _assigned(option: str, text: str, separator: str) -> tuple[str, list]:
    """`drive_db=0,12,24` or `bias=-0.5:0.5` as a name and its values."""
    name, equals, values = text.partition("=")
    example = "drive_db=0,12,24" if separator == "," else "bias=-0.5:0.5"
    if not equals or not name.strip() or not values.strip():
        raise UsageError(f"{option} {text} is not NAME=VALUES.", f"Write it like {option} {example}.")
    if separator == ":":
        return name.strip(), _numbers(option, values, separator)
    return name.strip(), [literal(value.strip()) for value in values.split(separator)]


def _numbers(option: str, text: str, separator: str) -> Sequence[float]:
    try:
        return [float(value) for value in text.split(separator)]
    except ValueError:
        hint = f"Write it like {option} 0,-12." if separator == "," else "Write it like --random bias=-0.5:0.5."
        raise UsageError(f"{option}: '{text}' is not numbers with '{separator}' between.", hint) from None
