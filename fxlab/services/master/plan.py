"""Which masters are made of which songs, for which targets and under which names, settled and checked before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fxlab.errors import UsageError
from fxlab.mastering.targets import Target, target
from fxlab.services.render import plan as render_plan

_DEPTHS = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class Job:
    """One song and what is made of it.

    Attributes:
        source: The song.
        targets: At least one.
        outputs: One file for each target.
    """

    source: Path
    targets: tuple[Target, ...]
    outputs: tuple[Path, ...]


def targets(names: Sequence[str], lufs: float | None, ceiling_db: float | None, bit_depth: str) -> list[Target]:
    """The targets of these names, with whatever else was asked for in place of their own figures.

    Args:
        names: As in `fxlab.mastering.targets`.
        lufs: Loudness in place of the target's.
        ceiling_db: Highest true peak in place of the targets'.
        bit_depth: "auto" for the targets' own, "16", "24" or "float".

    Raises:
        UsageError: An unknown name or one twice, a figure out of range, or one loudness for several targets.
    """
    known = [target(name) for name in names]
    if len(set(names)) < len(names):
        raise UsageError("A target is named twice.", "Name each once.")
    if lufs is not None and len(names) > 1:
        raise UsageError(
            f"One loudness for {len(names)} targets would make them alike.", "Leave out --lufs, or name one --target."
        )
    made = []
    for one in known:
        changed = one.changed(lufs, ceiling_db)
        name = changed.name if len(names) == 1 else one.name  # files of several are told apart by it
        made.append(dataclasses.replace(changed, name=name, subtype=_DEPTHS.get(bit_depth, one.subtype)))
    return made


def plan(
    inputs: Sequence[str | Path],
    output: str | Path | None,
    wanted: Sequence[Target],
    format: str | None = None,
    bit_depth: str = "auto",
    force: bool = False,
) -> list[Job]:
    """What becomes of each song.

    NAME.ext becomes NAME.master.wav beside it, or in the folder `output` NAME.wav, or the file `output`. For several targets it
    becomes NAME.<target>.wav, or in the folder, or beside the file, the same with the target's name before the suffix.

    Args:
        inputs: Files, folders and patterns.
        output: File or folder.
        wanted: Targets.
        format: "wav", "flac" or "ogg"; None follows `output`, else wav.
        bit_depth: "auto", "16", "24" or "float".
        force: Existing files may be overwritten, inputs never.

    Raises:
        InputError, UsageError, OutputError: As `fxlab.services.render.plan.plan`.
    """
    if len(wanted) == 1:
        made = [render_plan.plan(inputs, output, "master", format, bit_depth, force)]
    else:
        made = [
            render_plan.plan(inputs, _named(output, one), one.name, format, bit_depth, force, f".{one.name}") for one in wanted
        ]
    return [Job(jobs[0].source, tuple(wanted), tuple(job.output for job in jobs)) for jobs in zip(*made, strict=True)]


def _named(output: str | Path | None, target: Target) -> str | Path | None:
    if output is None or render_plan.is_folder(output):
        return output
    path = Path(output)
    return path.with_name(f"{path.stem}.{target.name}{path.suffix}")
