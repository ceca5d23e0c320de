"""Where every rendered file goes and in which format, settled and checked before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fxlab.audio.files import AudioInfo
from fxlab.audio.sources import Source, sources
from fxlab.audio.writer import FORMATS, check_vacant
from fxlab.errors import UsageError

_ABOVE_16_BITS = {"PCM_24": "PCM_24", "DWVW_24": "PCM_24", "ALAC_20": "PCM_24", "ALAC_24": "PCM_24"}
_FLOAT = ("FLOAT", "DOUBLE", "PCM_32", "ALAC_32")  # float32 holds what the processing leaves of 32-bit integers
_DEPTHS = {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}


@dataclass(frozen=True)
class Job:
    """One file to render."""

    source: Path
    output: Path


def plan(
    inputs: Sequence[str | Path],
    output: str | Path | None,
    label: str,
    format: str | None = None,
    bit_depth: str = "auto",
    force: bool = False,
    ending: str = "",
) -> list[Job]:
    """What becomes of each input.

    Without `output` a file NAME.ext becomes NAME.<label>.wav beside it. An `output` with the suffix of an audio format names
    the file; a folder, a name ending in a slash or one without a suffix takes files under their own names, with the
    folders below a folder that was named as input.

    Args:
        inputs: Files, folders and patterns.
        output: File or folder.
        label: What was done, for default names.
        format: "wav", "flac" or "ogg"; None follows `output`, else wav.
        bit_depth: "auto", "16", "24" or "float".
        force: Existing files may be overwritten, inputs never.
        ending: Put after the names of files in the folder `output`, such as ".cd".

    Raises:
        InputError: No audio is found.
        UsageError: An output exists already, is an input, or stands for two inputs; several inputs for one file; a format that
            fxlab can't write or that contradicts the name or the bit depth.
        OutputError: A path can't be used.
    """
    found = sources(inputs, missing_ok=True)
    if output is not None and not is_folder(output):
        if len(found) > 1:
            raise UsageError(f"{output} names one file, but there are {len(found)} inputs.", "Name a folder with -o.")
        outputs = [Path(output)]
    else:
        outputs = [_output_of(source, output, label, f".{format or 'wav'}", ending) for source in found]
    for path in outputs:
        _check_format(path, format, bit_depth)
    jobs = [Job(source.path, path) for source, path in zip(found, outputs, strict=True)]
    _check_distinct(jobs)
    _check_outputs(jobs, force)
    return jobs


def subtype(info: AudioInfo, output: Path, bit_depth: str) -> str:
    """The sample format for rendering a file into `output`: with "auto" the input's own, as near as the container comes.

    Fewer than 16 bits become 16; lossy inputs, which have no bit depth, become 24 bits.
    """
    container = FORMATS[output.suffix.lower()]
    if container == "OGG":
        return "VORBIS"
    if bit_depth != "auto":
        return _DEPTHS[bit_depth]
    if info.subtype in _FLOAT:
        return "FLOAT" if container == "WAV" else "PCM_24"
    return "PCM_24" if info.lossy else _ABOVE_16_BITS.get(info.subtype, "PCM_16")


def is_folder(output: str | Path) -> bool:
    text = str(output)
    return text.endswith(("/", os.sep)) or Path(text).suffix == "" or os.path.isdir(text)


def _output_of(source: Source, output: str | Path | None, label: str, suffix: str, ending: str) -> Path:
    if output is None:
        return source.path.with_name(f"{source.path.stem}.{label}{suffix}")
    return Path(output) / source.relative.with_name(source.path.stem + ending + suffix)


def _check_format(path: Path, format: str | None, bit_depth: str) -> None:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(
            f"fxlab doesn't write '{path.suffix}' files.",
            f"Choose one of {', '.join(FORMATS)}; a folder's name ends with a slash.",
        )
    if format is not None and suffix != f".{format}":
        raise UsageError(f"{path.name} isn't named as a {format} file.", "Leave out --format, or let both say the same.")
    if suffix == ".ogg" and bit_depth != "auto":
        raise UsageError("Ogg Vorbis has no bit depth.", "Leave out --bit-depth, or write .wav or .flac.")
    if suffix == ".flac" and bit_depth == "float":
        raise UsageError("FLAC can't hold float samples.", "Use --bit-depth 24, or write a .wav file.")


def _check_distinct(jobs: Sequence[Job]) -> None:
    taken: dict[str, Path] = {}
    for job in jobs:
        place = os.path.normcase(os.path.realpath(job.output))
        if place in taken:
            raise UsageError(
                f"{taken[place]} and {job.source} would both become {job.output}.", "Rename one, or render them in two runs."
            )
        taken[place] = job.source


def _check_outputs(jobs: Sequence[Job], force: bool) -> None:
    # Device and inode also see through links and other spellings of a name.
    inputs = {_identity(job.source) for job in jobs} - {None}
    for job in jobs:
        if _identity(job.output) in inputs:
            raise UsageError(f"{job.output} is an input and would be overwritten.", "Choose another name or folder with -o.")
        check_vacant(job.output, force)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
