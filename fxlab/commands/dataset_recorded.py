"""The options of `fxlab dataset` for recorded pairs, and which files they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fxlab.errors import InputError, UsageError

Dry = Annotated[list[Path] | None, typer.Option("--dry", metavar="FILE", help="A recording of what was played into a device.")]
Wet = Annotated[
    list[Path] | None, typer.Option("--wet", metavar="FILE", help="What came out of the device; one --dry serves several.")
]
Align = Annotated[
    bool | None, typer.Option("--align/--no-align", help="Find delay and drift, or trust recorded pairs as they are.")
]
Clip = Annotated[
    float | None, typer.Option("--clip", metavar="SECONDS", help="Recordings are rows of clips that began from rest.")
]
Lead = Annotated[float | None, typer.Option("--lead", metavar="SECONDS", help="Beginning of pairs or clips that isn't judged.")]


def pairs_from(
    declared: Sequence[Mapping[str, Any]],
    inputs: Sequence[str] | None,
    dry: Sequence[Path] | None,
    wet: Sequence[Path] | None,
) -> list[dict[str, Any]]:
    """The recorded pairs that the user means: those of the flags, else those of the profile.

    Args:
        declared: `[[dataset.pairs]]` of the profile.
        inputs: Folders and files among which the profile's names are looked up; without any, names are paths.
        dry: Values of `--dry`.
        wet: Values of `--wet`.

    Returns:
        Tables of dry, wet (paths) and knobs; none where nothing recorded is meant.

    Raises:
        UsageError: Flags that don't pair up.
        InputError: A file of the profile isn't among the inputs.
    """
    if dry or wet:
        if inputs:
            raise UsageError("INPUTS don't go with --dry and --wet.", "Name each recording with one of these options.")
        if not dry or not wet or len(dry) not in (1, len(wet)):
            raise UsageError(
                f"{len(dry or ())} --dry and {len(wet or ())} --wet don't make pairs.",
                "Give as many of one as of the other, in order, or one --dry for all.",
            )
        return [{"dry": d, "wet": w} for d, w in zip(dry if len(dry) > 1 else dry * len(wet), wet, strict=True)]
    return [{**pair, **{key: _found(pair[key], inputs) for key in ("dry", "wet")}} for pair in declared]


def _found(name: str, inputs: Sequence[str] | None) -> Path:
    if not inputs:
        return Path(name)
    places = [Path(given) / name if Path(given).is_dir() else Path(given) for given in inputs]
    for place in places:
        if place.is_file() and (place.name == name or place.parts[-len(Path(name).parts) :] == Path(name).parts):
            return place
    raise InputError(f"There is no {name} in {', '.join(map(str, inputs))}.", "Name the folder that holds the recordings.")
