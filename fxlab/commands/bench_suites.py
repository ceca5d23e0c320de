"""The suites of `fxlab bench` that are called in a way of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from fxlab.commands.options import effects_from
from fxlab.errors import UsageError


def knobs(
    dataset: Path | None,
    split: str,
    effect: list[str] | None,
    set: list[str] | None,
    profile: str | None,
    csv: Path | None,
    html: Path | None,
    force: bool,
    refused: dict[str, object],
) -> None:
    """A network at every setting of a dataset."""
    from fxlab.console import output
    from fxlab.console.bench import knobs as view
    from fxlab.profiles import load
    from fxlab.services.bench import knobs as service
    from fxlab.settings import Profile

    refuse("knobs", refused)
    if dataset is None:
        raise UsageError("The suite knobs needs a dataset.", "Add --dataset DIR, a folder that `fxlab dataset` made.")
    chain = effects_from(load(profile) if profile else Profile(), effect, set)
    request = service.Request(dataset, chain, split, csv, force, html, output.typed())
    _run(service, view, request, refresh=True)


def training(
    dataset: Path | None,
    effect: list[str] | None,
    set: list[str] | None,
    profile: str | None,
    threads: int | None,
    seed: int | None,
    budget: str | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
    refused: dict[str, object],
) -> None:
    """How fast networks are trained."""
    from fxlab.console import output
    from fxlab.console.bench import training as view
    from fxlab.durations import parse_duration
    from fxlab.profiles import load, override
    from fxlab.services.bench import training as service
    from fxlab.settings import Profile

    refuse("training", refused)
    chosen = load(profile) if profile else Profile()
    chain = effects_from(chosen, effect, set) if effect or (profile and dataset is None) else []
    if len(chain) > 1:
        raise UsageError("The suite training learns one effect.", "Make a dataset of a chain and name it with --dataset.")
    request = service.Request(
        dataset=dataset,
        effect=chain[0] if chain else None,
        model=chosen.model,
        settings=override(chosen.train, threads=threads, seed=seed),
        budget_s=parse_duration(budget) if budget else 0.0,
        plot=plot,
        html=html,
        command=output.typed(),
        force=force,
    )
    _run(service, view, request, plot)


def live(
    effect: list[str] | None,
    set: list[str] | None,
    engine: str | None,
    buffers: str | None,
    runs: int | None,
    input: Path | None,
    budget: str | None,
    soak: str | None,
    gate: list[str] | None,
    profile: str | None,
    csv: Path | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
    refused: dict[str, object],
) -> None:
    """How live audio holds on a busy machine."""
    from fxlab.console import output
    from fxlab.console.bench import live as view
    from fxlab.durations import parse_duration
    from fxlab.profiles import load
    from fxlab.services.bench import live as service
    from fxlab.services.bench.effects import require_gates
    from fxlab.settings import Profile

    refuse("live", refused)
    if engine and "," in engine:
        raise UsageError("The suite live plays every effect on one engine.", "Name one with --engine, or leave it out.")
    request = service.Request(
        effects=effects_from(load(profile) if profile else Profile(), effect, set, engine, service.DEFAULT),
        buffers=numbers(buffers) or service.BUFFERS,
        runs=runs or service.RUNS,
        budget_s=parse_duration(budget) if budget else service.BUDGET_S,
        soak_s=parse_duration(soak) if soak else 0.0,
        input=input,
        gates=gate or [],
        csv=csv,
        plot=plot,
        html=html,
        command=output.typed(),
        force=force,
    )
    require_gates(_run(service, view, request, plot))


def ace(runs: int | None, threads: int | None, html: Path | None, force: bool, refused: dict[str, object]) -> None:
    """ACE's gradients."""
    from fxlab.console import output
    from fxlab.console.bench import ace as view
    from fxlab.services.bench import ace as service

    refuse("ace", refused)
    request = service.Request(runs or service.RUNS, threads or 1, html=html, command=output.typed(), force=force)
    _run(service, view, request)


def master(
    songs: list[Path],
    effect: list[str] | None,
    runs: int | None,
    workers: int | None,
    peers: bool,
    seed: int | None,
    csv: Path | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
    refused: dict[str, object],
) -> None:
    """Mastering beside its rivals."""
    from fxlab.console import output
    from fxlab.console.bench import master as view
    from fxlab.services.bench import master as service

    refuse("master", refused)
    if not songs:
        raise UsageError("The suite master needs songs to judge on.", "Name files or folders with --input.")
    if len(effect or []) > 1:
        raise UsageError("The suite master compares one network.", "Name one with --effect, or none for the one that ships.")
    request = service.Request(
        inputs=songs,
        runs=runs or service.RUNS,
        seed=seed or 0,
        workers=workers or 1,
        model=Path(effect[0]) if effect else None,
        peers=peers,
        csv=csv,
        plot=plot,
        html=html,
        command=output.typed(),
        force=force,
    )
    _run(service, view, request, plot)


def grow(
    recordings: list[Path],
    threads: int | None,
    seed: int | None,
    budget: str | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
    refused: dict[str, object],
) -> None:
    """How fast instruments are learnt."""
    from fxlab.console import output
    from fxlab.console.bench import grow as view
    from fxlab.durations import parse_duration
    from fxlab.services.bench import grow as service

    refuse("grow", refused)
    request = service.Request(
        inputs=recordings,
        budget_s=parse_duration(budget) if budget else 0.0,
        threads=threads or 1,
        seed=seed or 0,
        plot=plot,
        html=html,
        command=output.typed(),
        force=force,
    )
    if _run(service, view, request, plot).interrupted:
        raise typer.Exit(130)


def _run(service: Any, view: Any, request: Any, plot: Path | None = None, refresh: bool = False) -> Any:
    """The result of a suite, shown."""
    from fxlab.console import output
    from fxlab.console.progress import bars

    with bars(refresh) as progress:
        result = service.run(request, progress)
    output.finish(result, view.show, plot)
    return result


def refuse(suite: str, given: dict[str, object]) -> None:
    """Raises `UsageError` for the first of these options that was given."""
    for option, value in given.items():
        if value not in (None, False, []):
            raise UsageError(f"{option} doesn't belong to the suite {suite}.", "Leave it out.")


def numbers(text: str | None) -> list[int] | None:
    """Buffer sizes from text."""
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--buffers {text} are no buffer sizes.", "Give whole numbers of frames, such as 64,128,512.") from None
