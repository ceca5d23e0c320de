"""`fxlab train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands.options import Device, Force, Html, Output, ProfileName, Seed, examples
from fxlab.commands.train_others import train_instrument, train_master
from fxlab.errors import UsageError
from fxlab.settings import Profile

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="DATASET|AUDIO...",
        help="A folder that `fxlab dataset` made; audio for --loss contrast; songs for --model master; recordings for ddsp.",
        show_default=False,
    ),
]
Model = Annotated[str | None, typer.Option("--model", metavar="TYPE", help="What to train: tcn, lstm, gru, ace, master or ddsp.")]
Size = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="NAME",
        help="tcn: standard, large, lite, feather, nano, single; lstm: 16, 32, 64; gru: 16, 32; ace: 60, 32, full; "
        "master: compact, seed; ddsp: tiny, full, seed.",
    ),
]
Loss = Annotated[
    str | None,
    typer.Option("--loss", metavar="NAME", help="What to go for: effect (its sound), snr, estoi (speech in noise), contrast."),
]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs to train.")]
StepsPerEpoch = Annotated[
    int | None, typer.Option("--steps-per-epoch", min=0, help="Steps in an epoch; 0 covers the audio once.")
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=0, help="Segments per step; 0 takes 8, for lstm and gru 16.")]
Accumulate = Annotated[int | None, typer.Option("--accumulate", min=1, help="Batches added up for one step.")]
Segment = Annotated[
    int | None, typer.Option("--segment", help="Output samples per segment; 0 takes 8192, for lstm and gru 1024.")
]
Windows = Annotated[
    int | None, typer.Option("--windows", min=1, help="Segments in a row through which lstm and gru carry their state.")
]
LearningRate = Annotated[float | None, typer.Option("--learning-rate", help="Peak learning rate.")]
Ema = Annotated[float | None, typer.Option("--ema", help="Decay of the weight average; 0 turns it off.")]
Patience = Annotated[int | None, typer.Option("--patience", min=0, help="Epochs without progress until it stops; 0 never.")]
Threads = Annotated[int | None, typer.Option("--threads", min=0, help="CPU threads; 0 takes one for a small network, else all.")]
Phase = Annotated[
    str | None,
    typer.Option(
        "--phase",
        metavar="1a|1b|1c|2|all",
        help="master: equaliser; with residual; with adaptive bands; with grey box; or each of them and the ablations.",
        show_default=False,
    ),
]
F0 = Annotated[
    Path | None,
    typer.Option("--f0", metavar="FILE.csv", help="ddsp: the recording's pitch (time_s,f0_hz) instead of swift-f0's."),
]
Start = Annotated[
    Path | None, typer.Option("--from", metavar="FILE", help="ddsp: an instrument to go on from.", show_default=False)
]
Minutes = Annotated[
    float | None, typer.Option("--minutes", metavar="N", min=0.2, max=10_000, help="ddsp: train so long instead of --epochs.")
]
Seeds = Annotated[
    int, typer.Option("--seeds", metavar="N", min=1, help="Train with N seeds from --seed on, tell the spread, keep the best.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run, or the runs, in the output folder.")]


def register(app: typer.Typer) -> None:
    """Adds `train`."""
    app.command(
        "train",
        epilog=examples(
            "fxlab train ds --model tcn --size nano --epochs 20 -o run",
            "fxlab train ds --profile tcn-standard -o run --resume",
            "fxlab train ds --model lstm --seeds 3 -o run",
            "fxlab train noisy --loss estoi --model tcn -o run",
            "fxlab train takes/ --loss contrast --model ace -o run",
            "fxlab train songs/ --model master --phase 1c -o run",
            "fxlab train cello.wav --model ddsp -o run",
            "torchrun --nproc-per-node 4 -m fxlab train ds --profile tcn-standard -o run",
        ),
    )(train)


def train(
    inputs: Inputs,
    output: Output = None,
    model: Model = None,
    size: Size = None,
    profile: ProfileName = None,
    loss: Loss = None,
    phase: Phase = None,
    f0: F0 = None,
    start: Start = None,
    minutes: Minutes = None,
    epochs: Epochs = None,
    steps_per_epoch: StepsPerEpoch = None,
    batch_size: BatchSize = None,
    accumulate: Accumulate = None,
    segment: Segment = None,
    windows: Windows = None,
    learning_rate: LearningRate = None,
    ema: Ema = None,
    patience: Patience = None,
    seed: Seed = None,
    seeds: Seeds = 1,
    device: Device = None,
    threads: Threads = None,
    html: Html = None,
    resume: Resume = False,
    force: Force = False,
) -> None:
    """Train a network to sound like an effect, or towards an objective.

    Learns from the pairs of a dataset and ends with figures on recordings that it never saw.
    With --loss snr or estoi it learns from `fxlab dataset --snr-db` to make speech in noise clearer, with --loss contrast it
    learns from audio alone to bring out spectral contrast; figures then tell before and after.
    A mastering network (--model master) learns from finished songs: they are degraded, and it learns the way back.
    An instrument (--model ddsp) learns from recordings of one note at a time, and then how to grow: see `fxlab grow`.
    Keeps the best and the last checkpoint; can be stopped with Ctrl-C and resumed. With --seeds it trains several times,
    in folders seed-0, seed-1 and so on, and keeps the network that is best on the validation split. Under torchrun several
    processes share each batch, whose size stays what --batch-size says.
    """
    from fxlab.console import output as console
    from fxlab.console.progress import bars
    from fxlab.console.train import show_seeds, show_train
    from fxlab.models.registry import architecture
    from fxlab.profiles import load, override
    from fxlab.services.dataset import service as dataset
    from fxlab.services.train import audio as train_audio
    from fxlab.services.train import seeds as train_seeds
    from fxlab.services.train import service as train
    from fxlab.services.train.page import Wanted
    from fxlab.training.distributed import joined

    base = load(profile) if profile else Profile()
    kind = model or base.model.type
    common = {"epochs": epochs, "steps_per_epoch": steps_per_epoch, "batch_size": batch_size, "learning_rate": learning_rate}
    common |= {"ema": ema, "patience": patience, "seed": seed, "device": device, "threads": threads}
    several = seeds if seeds > 1 else None
    page = None if html is None else Wanted(html, console.typed(), force or resume)
    if page is not None:
        page.check([*inputs, *filter(None, (output, f0, start))])
    if kind != "ddsp":
        _refuse({"f0": f0, "from": start, "minutes": minutes}, "It belongs to --model ddsp.")
    if kind != "master":
        _refuse({"phase": phase}, "It belongs to --model master.")
    if kind == "master":
        given = {"loss": loss, "segment": segment, "windows": windows, "accumulate": accumulate, "seeds": several}
        _refuse(given, "Weights and sizes of a mastering network stand in a profile, below [mastering].")
        train_master(inputs, output or Path("run"), base, profile, size, phase, common, resume, force, page)
        return
    if kind == "ddsp":
        _refuse(
            {"loss": loss, "segment": segment, "windows": windows, "seeds": several},
            "Weights and sizes of an instrument's training stand in a profile, below [grow].",
        )
        if start:
            _refuse({"size": size}, "An instrument that is gone on with keeps its size.")
        common |= {"accumulate": accumulate}
        train_instrument(inputs, output or Path("run"), profile, size, f0, start, minutes, common, resume, force, page)
        return
    folder, given = output or Path("run"), train_audio.given_dataset(inputs)
    request = train.Request(
        dataset=given or folder / train_audio.FOLDER,
        output=folder,
        model=override(base.model, type=model, size=size),
        settings=override(
            base.train,
            loss=loss,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            batch_size=batch_size,
            accumulate=accumulate,
            segment=segment,
            windows=windows,
            learning_rate=learning_rate,
            ema=ema,
            patience=patience,
            seed=seed,
            device=device,
            threads=threads,
        ),
        profile=Path(profile).stem if profile else None,
        resume=resume,
        force=force,
        listen=page is not None,
    )
    audio = None
    if not given:
        architecture(request.model.type).config(request.model.size)  # before anything is made of the audio
        rate_hz, minimised = base.audio.sample_rate_hz, request.settings.loss
        audio = train_audio.dataset_request(inputs, folder, minimised, base.dataset, rate_hz, force)
    with bars() as progress, joined(request.settings.device) as team:
        made = team.of_first(lambda: dataset.run(audio, progress)) if audio else None
        result = train.run(request, progress, team) if seeds == 1 else train_seeds.run(request, seeds, progress, team)
        if page is not None and team.first:
            from fxlab.services.train.page_effect import page_of, page_of_seeds

            page.write(result, page_of if seeds == 1 else page_of_seeds)
    for name, reason in made.failed if made else ():
        console.warn(f"{name} is left out: {reason}")
    console.finish(result, show_train if seeds == 1 else show_seeds)
    if result.ended == "interrupted":
        console.note(f"Interrupted and saved. Go on with: {console.command_with('--resume', without='--force')}")
        raise typer.Exit(130)
    if seeds > 1 and result.diverged:
        raise typer.Exit(5)


def _refuse(given: dict[str, object], hint: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name} isn't for this model.", hint)
