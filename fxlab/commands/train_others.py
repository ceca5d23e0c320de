"""`fxlab train --model master` and `--model ddsp`: what learns from songs and from instruments instead of from pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fxlab.settings import Profile

if TYPE_CHECKING:
    from fxlab.services.train.page import Wanted


def train_master(
    inputs: list[str],
    folder: Path,
    base: Profile,
    profile: str | None,
    size: str | None,
    phase: str | None,
    flags: dict[str, object],
    resume: bool,
    force: bool,
    page: Wanted | None,
) -> None:
    """Trains a mastering network, or all its phases."""
    from fxlab.console import output as console
    from fxlab.console.progress import bars
    from fxlab.console.train_master import show_master, show_phases
    from fxlab.profiles import override
    from fxlab.services.train import master as service
    from fxlab.services.train import phases as train_phases

    request = service.Request(
        inputs=inputs,
        output=folder,
        model=override(base.model, type="master", size=size),
        settings=override(base.train, **flags),
        mastering=override(base.mastering, phase=None if phase == "all" else phase),
        dataset=base.dataset,
        profile=Path(profile).stem if profile else None,
        resume=resume,
        force=force,
    )
    with bars() as progress:
        result = train_phases.run(request, progress) if phase == "all" else service.run(request, progress)
        if page is not None:
            from fxlab.services.train.page_master import page_of, page_of_phases

            page.write(result, page_of_phases if phase == "all" else page_of)
    console.finish(result, show_phases if phase == "all" else show_master)
    if result.ended == "interrupted":
        console.note(f"Interrupted and saved. Go on with: {console.command_with('--resume', without='--force')}")
        raise typer.Exit(130)


def train_instrument(
    inputs: list[str],
    folder: Path,
    profile: str | None,
    size: str | None,
    f0: Path | None,
    start: Path | None,
    minutes: float | None,
    flags: dict[str, object],
    resume: bool,
    force: bool,
    page: Wanted | None,
) -> None:
    """Trains an instrument."""
    from fxlab.console import output as console
    from fxlab.console.progress import bars
    from fxlab.console.train_instrument import show_instrument
    from fxlab.profiles import load, override
    from fxlab.services.train import instrument as service
    from fxlab.timbre.table import read_csv

    base = load(profile or service.PROFILE)
    request = service.Request(
        inputs=inputs,
        output=folder,
        model=override(base.model, type="ddsp", size=size),
        settings=override(base.train, **flags),
        grow=base.grow,
        tracker=read_csv(f0) if f0 else None,
        start=start,
        minutes=minutes or 0.0,
        profile=Path(profile or service.PROFILE).stem,
        resume=resume,
        force=force,
    )
    with bars() as progress:
        result = service.run(request, progress)
        if page is not None:
            from fxlab.services.train.page_instrument import page_of

            page.write(result, page_of)
    console.finish(result, show_instrument)
    if result.ended == "interrupted":
        console.note(f"Interrupted and saved. Go on with: {console.command_with('--resume', without='--force')}")
        raise typer.Exit(130)
