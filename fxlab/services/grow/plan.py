"""What `fxlab grow` reads and where everything goes, settled and checked before any work."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fxlab.audio.atomic import require_place
from fxlab.audio.sources import expand
from fxlab.audio.writer import FORMATS, check_vacant
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.services.drawing import SUFFIXES
from fxlab.services.grow.request import Request, is_midi
from fxlab.services.pages import check_place

INSTRUMENT = ".safetensors"


@dataclass(frozen=True)
class Take:
    """One rendering.

    Attributes:
        seed: Of its randomness.
        output: Its file.
        stems: Files of its harmonics and its noise; empty for none.
    """

    seed: int
    output: Path
    stems: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is read and written.

    Attributes:
        recordings: To learn; empty where there is an instrument.
        instrument: Its file; None for the one that ships, or where it is learnt.
        takes: At least one.
        kept: Where an instrument that is learnt goes.
        run: Folder of its training.
        contact: Picture of all takes, where there are several; then it is the only one.
    """

    recordings: tuple[Path, ...]
    instrument: Path | None
    takes: tuple[Take, ...]
    kept: Path
    run: Path
    contact: Path | None


def plan(request: Request) -> Plan:
    """Settles all files.

    Raises:
        InputError: Something named isn't there.
        UsageError: Inputs that don't go together; an output exists already, is an input or another output, or is named otherwise
            than what it holds.
        OutputError: A place can't be written to.
    """
    paths = [Path(given) for given in request.inputs]
    instruments = [path for path in paths if path.suffix.lower() == INSTRUMENT]
    for path in paths:
        if is_midi(path):
            raise UsageError(f"{path} holds notes, not sound to learn from.", f"Let an instrument play them: --along {path}.")
    if len(instruments) > 1:
        raise UsageError(
            f"There are {len(instruments)} instruments.", f"Name one; one grows out of another with --into {instruments[1]}."
        )
    if instruments and len(paths) > 1:
        raise UsageError(
            "An instrument and recordings don't go together.",
            "Name recordings to learn a new instrument, or one instrument; it plays a recording with --along or --resynth.",
        )
    if instruments and not instruments[0].is_file():
        raise InputError(f"There is no file {instruments[0]}.", "Check its name; without one, fxlab's own instrument plays.")
    output = request.output or _named_after(paths)
    if output.is_dir():
        raise UsageError(f"{output} is a folder.", "Name a file.")
    if output.suffix.lower() not in FORMATS:
        raise UsageError(f"fxlab doesn't write '{output.suffix}' files.", f"Name the output {', '.join(FORMATS)}.")
    _check_depth(output, request.bit_depth)
    takes = tuple(_takes(output, request))
    own = {os.path.realpath(path) for take in takes for path in (take.output, *take.stems)}
    learnt = bool(paths) and not instruments
    recordings = [path for path in expand(paths) if path in paths or os.path.realpath(path) not in own] if learnt else []
    if not learnt:
        for option, given in {"--save": request.save, "--f0": request.f0 if request.followed is None else None}.items():
            if given is not None:
                raise UsageError(f"{option} {given}: nothing is learnt here.", "Name recordings, or leave it out.")
    elif request.f0 is not None and request.followed is None and len(recordings) > 1:
        raise UsageError(f"{request.f0} can't be the pitch of {len(recordings)} recordings.", "Name one recording with --f0.")
    found = Plan(
        recordings=tuple(recordings),
        instrument=instruments[0] if instruments else None,
        takes=takes,
        kept=request.save or output.with_name(f"{output.stem}.instrument{INSTRUMENT}"),
        run=output.with_name(f"{output.stem}.run"),
        contact=(request.plot or output.with_suffix(".png")) if request.seeds > 1 else None,
    )
    _check_files(request, found)
    return found


def read_of(request: Request, found: Plan) -> list[Path]:
    """All files that are read."""
    others = (found.instrument, request.followed, request.into, request.f0)
    return [*found.recordings, *(path for path in others if path is not None)]


def written_of(request: Request, found: Plan) -> Iterator[tuple[str, Path]]:
    """Option and path of all that is written, the audio being -o's."""
    for take in found.takes:
        for path in (take.output, *take.stems):
            yield "-o", path
    if found.recordings:
        yield "--save", found.kept
    extras = {"mask": request.mask, "wavetable": request.wavetable, "sfz": request.sfz, "plot": found.contact or request.plot}
    for option, path in extras.items():
        if path is not None:
            yield f"--{option}", path


def _named_after(paths: list[Path]) -> Path:
    """Beside the first input: NAME.grown.wav; a folder's is beside it, or it would be learnt from the next time."""
    if not paths:
        return Path("grown.wav")
    first = paths[0]
    if glob.has_magic(str(first)) and not first.exists():
        first = Path(min(glob.glob(str(first), recursive=True), default="takes"))
    if first.is_dir():
        first = first if first.name.strip(".") else first.resolve()
        return first.with_name(f"{first.name}.grown.wav")
    return first.with_name(f"{first.stem}.grown.wav")


def _takes(output: Path, request: Request) -> Iterator[Take]:
    for number in range(request.seeds):
        path = output if request.seeds == 1 else output.with_name(f"{output.stem}-{request.seed + number}{output.suffix}")
        stems = ("harmonic", "noise") if request.stems else ()
        yield Take(request.seed + number, path, tuple(path.with_name(f"{path.stem}.{stem}{path.suffix}") for stem in stems))


def _check_depth(output: Path, bit_depth: str) -> None:
    if output.suffix.lower() == ".flac" and bit_depth == "float":
        raise UsageError("FLAC can't hold float samples.", "Use --bit-depth 24, or write a .wav file.")


def _check_files(request: Request, found: Plan) -> None:
    read = {os.path.realpath(path) for path in read_of(request, found)}
    taken: set[str] = set()
    for option, path in written_of(request, found):
        suffix, place = path.suffix.lower(), os.path.realpath(path)
        named = {"--save": (INSTRUMENT,), "--mask": (".csv", *SUFFIXES), "--wavetable": (".wav",), "--plot": SUFFIXES}
        if suffix not in named.get(option, (suffix,)):
            raise UsageError(f"{option} {path} isn't named as what it holds.", f"Choose one of: {', '.join(named[option])}.")
        if place in read:
            raise UsageError(f"{path} is an input and would be overwritten.", f"Choose another name with {option}.")
        if place in taken:
            raise UsageError(f"{option} {path} is another file of this run.", "Choose another name.")
        taken.add(place)
        if option == "--sfz":
            _check_folder(path, request.force)
        else:
            check_vacant(path, request.force)
        require_place(path)
    if request.html is not None:
        check_place(request.html, [*read, *taken], request.force)
    for path in (request.followed, request.into, request.f0):
        if path is not None and path.is_dir():
            raise InputError(f"{path} is a folder.", "Name a file in it.")
        if path is not None and not path.exists():
            raise InputError(f"There is no file {path}.", "Check its name.")


def _check_folder(path: Path, force: bool) -> None:
    if os.path.lexists(path) and not path.is_dir():
        raise OutputError(f"--sfz {path} is a file, not a folder.", "Choose another name.")
    if Path.cwd().is_relative_to(path.resolve()):
        raise UsageError(f"--sfz {path} is where you are, and would be replaced.", "Name another folder, or one in it.")
    there = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    if there and not force:
        raise UsageError(f"--sfz {path} holds something already.", "Choose another folder, or overwrite it with --force.")
    if there - {f"{path.resolve().name}.sfz", "samples"}:
        raise UsageError(f"--sfz {path} holds other things than a sampled instrument.", "Choose another folder.")
