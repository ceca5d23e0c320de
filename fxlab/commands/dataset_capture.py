"""The options of `fxlab dataset --capture`, and its run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxlab.errors import FxlabError, UsageError

if TYPE_CHECKING:
    from fxlab.settings import DatasetSettings, EffectSettings, LiveSettings, Profile

Capture = Annotated[
    bool, typer.Option("--capture", help="Play a signal out of the interface, through a pedal, and record what comes back.")
]
InputDevice = Annotated[str | None, typer.Option("--input-device", metavar="NAME|N", help="Capture: device to record.")]
OutputDevice = Annotated[str | None, typer.Option("--output-device", metavar="NAME|N", help="Capture: device to play on.")]
Buffer = Annotated[int | None, typer.Option("--buffer", metavar="N", help="Capture: frames in a block; 4096 by default.")]
LevelDb = Annotated[
    float | None, typer.Option("--level-db", metavar="DB", help="Capture: peak of what is played; -12 by default.")
]

BUFFER = 4096
LEVEL_DB = -12.0


def require_no_capture_options(given: Mapping[str, object]) -> None:
    """Raises `UsageError` where an option was given that only `--capture` takes."""
    if used := [name for name, value in given.items() if value is not None]:
        raise UsageError(
            f"{', '.join(used)} go{'es' if len(used) == 1 else ''} with --capture only.", "Add --capture, or drop it."
        )


def require_fit(given: Mapping[str, object]) -> None:
    """Raises `UsageError` for given options that mean nothing to a capture."""
    if used := [name for name, value in given.items() if value]:
        raise UsageError(f"--capture doesn't take {', '.join(used)}.", "Leave that out: it plays one signal and records it once.")


def live_settings(profile: Profile, input_device: str | None, output_device: str | None, buffer: int | None, rate: int | None):
    """Devices, buffer and rate of the stream; nobody plays along, so that the buffer may be large."""
    from fxlab.profiles import override

    buffer = buffer or max(profile.live.buffer, BUFFER)
    return override(
        profile.live, input_device=input_device, output_device=output_device, buffer=buffer, sample_rate_hz=rate, channels=0
    )


def run(
    inputs: Sequence[str],
    output: Path,
    effects: Sequence[EffectSettings],
    settings: DatasetSettings,
    live: LiveSettings,
    level_db: float | None,
    force: bool,
) -> None:
    """Records, aligns and cuts."""
    from fxlab.console import output as console
    from fxlab.console.dataset import show_dataset
    from fxlab.console.progress import bars
    from fxlab.services.dataset.capture import Capture, Request, make

    level_db = LEVEL_DB if level_db is None else level_db
    capture = Capture(Request(inputs, output, effects, settings, live, level_db, force))
    console.note(capture.text)
    with bars() as progress:
        recording = capture.record(progress)
        try:
            result = make(capture, recording, progress)
        except (KeyboardInterrupt, FxlabError):
            words = ["fxlab", "dataset", "--dry", str(recording.dry), "--wet", str(recording.wet), "-o", str(output)]
            console.note(f"The recording is kept: {shlex.join(words)} makes a dataset of it.")
            raise
    console.finish(result, show_dataset)
    raise typer.Exit(result.exit_code)
