"""`fxlab bench`: the command line of `fxlab.services.bench.effects`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fxlab.commands import bench_suites as suites
from fxlab.commands.options import Force, Html, Plot, ProfileName, Seed, effects_from, examples
from fxlab.errors import UsageError

Suite = Annotated[
    str,
    typer.Option(
        "--suite",
        metavar="effects|pareto|knobs|training|live|ace|master|grow",
        help="All engines side by side; which network is worth its cost; a network at every setting of a dataset; how fast "
        "networks are trained; how live audio holds on a busy machine; ACE's gradients; mastering beside its rivals; how "
        "fast instruments are learnt.",
    ),
]
Effects = Annotated[
    list[str] | None,
    typer.Option("--effect", "-e", metavar="NAME|FILE", help="An effect, a shipped model or a model file; repeat it to compare."),
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter, drive_db=12; of several clipper.drive_db=12.")
]
Engines = Annotated[
    str | None, typer.Option("--engine", metavar="NAME,...", help="Only these: numpy, numba, fused, torch, torchscript, onnx.")
]
Buffers = Annotated[
    str | None,
    typer.Option("--buffers", metavar="N,...", help="Buffer sizes in frames; 64,128,512 by default, pareto: 64, live: 128."),
]
Runs = Annotated[
    int | None,
    typer.Option("--runs", metavar="N", min=1, help="Independent runs per cell; 5 by default, live: 3; of a song, master: 3."),
]
Input = Annotated[
    list[Path] | None,
    typer.Option(
        "--input", metavar="FILE", help="Audio to measure on; its first 20 s, mono; master: songs, files or folders, repeatable."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, help="Threads a network may use, master: songs at once; 1 by default."),
]
Collector = Annotated[
    str | None, typer.Option("--gc", metavar="on|off", help="Python's garbage collector while measuring; off by default.")
]
Full = Annotated[bool, typer.Option("--full", help="Every buffer from 1 to 2048, and where each engine stops being real-time.")]
Gates = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="RULE", help="Exit 5 unless it holds: 'p99<0.5*deadline', 'tcn/onnx:rtf<0.5', 'esr<0.1%'."),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME",
        help="Time for the measured blocks; 38s by default, 150s with --full; training: 120s for each trainer; live: 2min.",
    ),
]
Table = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write one row per cell.")]
Dataset = Annotated[
    Path | None, typer.Option("--dataset", metavar="DIR", help="knobs: the dataset to compare with; training: to train on.")
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="knobs: its test, validation or train split, or all.")]
Soak = Annotated[
    str | None,
    typer.Option("--soak", metavar="TIME", help="live: then play so long while parameters change, and watch the memory; 10min."),
]
Peers = Annotated[
    bool, typer.Option("--peers", help="Compare speed with pedalboard too (pip install pedalboard); master: with matchering.")
]


def register(app: typer.Typer) -> None:
    """Adds `bench`."""
    app.command(
        "bench",
        epilog=examples(
            "fxlab bench --runs 20",
            "fxlab bench --effect saturator --effect my-model.onnx --input take.wav --csv cells.csv --plot cells.png",
            "fxlab bench --suite pareto --runs 20 --plot pareto.png",
            "fxlab bench --suite knobs --effect run/best.safetensors --dataset ds",
            "fxlab bench --suite training --dataset ds --threads 2 --budget 5min --plot training.png",
            "fxlab bench --suite live --soak 10min --plot live.png",
            "fxlab bench --suite ace",
            "fxlab bench --suite master --input songs/ --peers --threads 2 --plot master.png",
            "fxlab bench --suite grow --input cello.wav --budget 5min --plot grow.png",
            "fxlab bench --effect tcn --engine onnx --buffers 64 --gate 'p99<0.5*deadline' --gate 'esr<0.1%'",
        ),
    )(bench)


def bench(
    suite: Suite = "effects",
    effect: Effects = None,
    set: Sets = None,
    engine: Engines = None,
    buffers: Buffers = None,
    runs: Runs = None,
    input: Input = None,
    threads: Threads = None,
    gc: Collector = None,
    full: Full = False,
    gate: Gates = None,
    budget: Budget = None,
    csv: Table = None,
    plot: Plot = None,
    html: Html = None,
    force: Force = False,
    peers: Peers = False,
    dataset: Dataset = None,
    split: Split = "test",
    soak: Soak = None,
    profile: ProfileName = None,
    seed: Seed = None,
) -> None:
    """Measure speed, latency, memory and quality of DSP and networks, side by side.

    Every engine is timed block by block at every buffer size, all taking turns. Without --effect: the saturator and the
    networks that ship. Effects of a profile's chain are measured one by one. The suite pareto runs every network on its fastest
    engine beside the effect that it copies, rounds its weights to fp16 and int8 as `fxlab export --precision` does, and marks
    those that no other network beats in error and speed, or in error and size. The suite knobs plays a split of a dataset
    through networks and tells their error at every setting of the effect that it holds. The suite training trains a network as
    `fxlab train` does, in turns with Neural Amp Modeler's own trainer where that is installed (pip install neural-amp-modeler).
    The suite live plays streams on a virtual device as `fxlab live` does, with and without the interpreter, on an idle machine
    and on a busy one, and tells whose fault late blocks are; gates there are on CPU times and the processor's own misses.
    The suite ace times the torch form of ACE, forward and backward, beside a filterbank of grouped convolutions and a follower
    that loops in Python. The suite master degrades songs that the network never heard, and compares what `fxlab master` makes
    of them with a fixed rule and with matchering (pip install matchering). The suite grow learns an instrument as `fxlab grow`
    does, in turns with a frozen baseline and with each of four ways to make that one faster, and times the synthesizer.
    """
    if suite == "master":
        refused = {"--set": set, "--engine": engine, "--buffers": buffers, "--gate": gate, "--profile": profile, "--full": full}
        refused |= {"--dataset": dataset, "--budget": budget, "--gc": gc, "--soak": soak}
        suites.master(input or [], effect, runs, threads, peers, seed, csv, plot, html, force, refused)
        return
    if suite == "grow":
        refused = {"--effect": effect, "--set": set, "--engine": engine, "--buffers": buffers, "--runs": runs, "--gc": gc}
        refused |= {"--gate": gate, "--csv": csv, "--profile": profile, "--full": full, "--peers": peers, "--dataset": dataset}
        suites.grow(input or [], threads, seed, budget, plot, html, force, refused | {"--soak": soak})
        return
    if len(input or []) > 1:
        raise UsageError(f"The suite {suite} measures on one file.", "Name one with --input, or leave it out.")
    audio = input[0] if input else None
    if suite == "live":
        refused = {"--dataset": dataset, "--full": full, "--peers": peers, "--threads": threads, "--gc": gc, "--seed": seed}
        suites.live(effect, set, engine, buffers, runs, audio, budget, soak, gate, profile, csv, plot, html, force, refused)
        return
    if suite == "ace":
        others = {"--effect": effect, "--set": set, "--engine": engine, "--buffers": buffers, "--input": input, "--csv": csv}
        others |= {"--gate": gate, "--plot": plot, "--profile": profile, "--dataset": dataset, "--budget": budget, "--gc": gc}
        suites.ace(runs, threads, html, force, others | {"--full": full, "--peers": peers, "--seed": seed, "--soak": soak})
        return
    if soak is not None:
        raise UsageError("--soak belongs to the suite live.", "Add --suite live.")
    if suite == "knobs":
        refused = {"--engine": engine, "--buffers": buffers, "--runs": runs, "--input": input, "--gate": gate, "--plot": plot}
        refused |= {"--full": full, "--peers": peers, "--threads": threads, "--budget": budget, "--gc": gc, "--seed": seed}
        suites.knobs(dataset, split, effect, set, profile, csv, html, force, refused)
        return
    if suite == "training":
        refused = {"--engine": engine, "--buffers": buffers, "--runs": runs, "--input": input, "--gate": gate, "--csv": csv}
        refused |= {"--full": full, "--peers": peers, "--gc": gc}
        suites.training(dataset, effect, set, profile, threads, seed, budget, plot, html, force, refused)
        return
    if dataset is not None:
        raise UsageError("--dataset belongs to the suites knobs and training.", "Add --suite knobs, or name audio with --input.")
    from fxlab.console import output
    from fxlab.console.bench import effects as effects_view
    from fxlab.console.bench import pareto as pareto_view
    from fxlab.console.progress import bars
    from fxlab.durations import parse_duration
    from fxlab.profiles import load, override
    from fxlab.services.bench import effects as service
    from fxlab.settings import BenchSettings, Profile

    chosen = load(profile) if profile else Profile()
    sizes = suites.numbers(buffers)
    if suite == "pareto" and sizes is None and chosen.bench.buffers == BenchSettings().buffers:
        sizes = [64]
    settings = override(chosen.bench, runs=runs, threads=threads, gc=gc, buffers=sizes)
    default = [stage.name for stage in service.default_effects(suite)]
    request = service.Request(
        suite=suite,
        effects=effects_from(chosen, effect, set, default=default),
        engines=[name.strip() for name in engine.split(",")] if engine and engine != "auto" else [],
        settings=settings,
        input=audio,
        seed=seed or 0,
        full=full,
        budget_s=parse_duration(budget) if budget else 0.0,
        gates=gate or [],
        csv=csv,
        plot=plot,
        html=html,
        command=output.typed(),
        force=force,
        peers=peers,
    )
    with bars(refresh=False) as progress:
        result = service.run(request, progress)
    output.finish(result, (pareto_view if suite == "pareto" else effects_view).show, plot)
    service.require_gates(result)
