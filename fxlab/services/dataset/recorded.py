"""`fxlab dataset --dry --wet`: recordings of a device and what was played into it, cut into the pairs of a dataset.

Each pair of files is first looked at as a whole (`recorded_match`), and nothing is written before it is known which fit. The
dry side of a piece is stored once however many wet recordings share it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import fxlab
from fxlab.audio.atomic import output_error, replacing
from fxlab.audio.files import probe
from fxlab.audio.float_wav import FloatWav
from fxlab.errors import CheckError, InputError, UsageError
from fxlab.hashing import file_sha256, value_sha256
from fxlab.progress import Progress, silent
from fxlab.recorded import knobs_of, values_of
from fxlab.services.dataset import state as dataset_state
from fxlab.services.dataset.recorded_match import Match, Pair, match, matched_audio, mono
from fxlab.services.dataset.recorded_split import Piece, split_along_time
from fxlab.services.dataset.service import Result, share
from fxlab.services.pair_plot import draw
from fxlab.services.pair_report import PairReport, report
from fxlab.setting import check
from fxlab.settings import DatasetSettings
from fxlab.training.manifest import FORMAT, SPLITS, Manifest, intact

_STEADY = 1.5  # samples
_ROWS_AT_ONCE = 64  # journalled together: each note waits for the disk


@dataclass(frozen=True)
class Request:
    """What to make.

    Args:
        pairs: The dry and wet file of each recording, with `knobs` where the settings declare some.
        output: The dataset's folder.
        settings: Shares, chunks, clips and knobs.
        sample_rate_hz: The dataset's rate, None for that of the first dry file.
        force: Replace a dataset that was made differently, or make the same anew.
        whole: Refuse recordings that lost or repeat something, which can be recorded again, instead of leaving that out.
        grown: By how many samples the delay is known to have grown over so many frames; `whole` recordings must agree.
    """

    pairs: Sequence[Mapping[str, Any]]
    output: Path
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    sample_rate_hz: int | None = None
    force: bool = False
    whole: bool = False
    grown: tuple[int, int] | None = None


@dataclass(frozen=True)
class RecordedResult(Result):
    """As of any dataset, with what was found about each pair of files; no reports where the files are trusted."""

    reports: list[PairReport] = field(default_factory=list)


def run(request: Request, progress: Progress = silent) -> Result:
    """Makes the dataset, or what is missing of it.

    Raises:
        UsageError: Settings that can't be used, or that differ from those of the dataset already there.
        InputError: A file that can't be used, or a dataset made from other recordings is there.
        CheckError: A recording that should be whole isn't.
        OutputError: The folder can't be written or holds something else.
    """
    settings = request.settings
    for known in dataclasses.fields(settings):
        check(settings, known.name, getattr(settings, known.name))
    if settings.validation + settings.test > 1 - 1e-9:
        raise UsageError("The shares for validation and testing leave nothing to train on.", "Their sum has to stay below 1.")
    output = Path(request.output)
    dataset_state.require_ours(output)
    pairs = _pairs(request, progress)
    rate = request.sample_rate_hz or probe(pairs[0].dry).sample_rate_hz
    header = _header(request, pairs, rate)
    known = {row["id"]: row for row in dataset_state.reusable(output, header, request.force)}
    matches, failed = _matches(pairs, rate, request, progress)
    if request.whole:
        _require_whole(matches, request.grown)
    plans = [split_along_time(one.frames, one.stretches, rate, settings) for one in matches]
    rows, rendered = _write_all(output, header, matches, plans, known, progress)
    reports = [_reported(output, one, number, len(pairs), progress) for number, one in enumerate(matches, 1) if one.alignment]
    manifest = Manifest(output, header | {"alignments": [dataclasses.asdict(one) for one in reports]}, rows)
    dataset_state.finish(manifest)
    splits = {name: share(manifest.split(name), rate) for name in SPLITS}
    kept, varied = len(rows) - rendered, list(rows[0]["parameters"])
    return RecordedResult(output, rate, splits, rendered, kept, failed, [], [], varied, varied, reports=reports)


def _matches(pairs: Sequence[Pair], rate: int, request: Request, progress: Progress) -> tuple[list[Match], list[tuple[str, str]]]:
    """How the files fit, and those that don't with the reason; raises `InputError` where none does."""
    found, failed = [], []
    first: InputError | None = None

    def say(number: int) -> Callable[[float], None]:
        return lambda share: progress("Aligning", number + share, len(pairs))

    for number, pair in enumerate(pairs):
        try:
            found.append(match(pair, rate, not request.settings.align, say(number)))
        except InputError as error:
            first = first or error
            failed.append((str(pair.wet), error.message))
    progress("Aligning", len(pairs), len(pairs))
    if first and not found:
        raise first
    return found, failed


def _require_whole(matches: Sequence[Match], grown: tuple[int, int] | None) -> None:
    for one in matches:
        found = one.alignment
        if grown and abs(grown[0] - found.clock.drift * grown[1]) > _STEADY + 3 * found.clock.drift_error * grown[1]:
            raise CheckError(
                f"{one.pair.wet} lost something: its delay grew by {grown[0]} samples, and the clocks don't explain it.",
                "Record again with --force and a larger --buffer, and with less else running.",
            )
        lost = sorted(place / found.rate for place in (*(at for at, _ in found.jumps), *(start for start, _ in found.repeated)))
        if lost:
            raise CheckError(
                f"{one.pair.wet} lost or repeats something before {lost[0]:.1f} s: a pair with a gap is worth little.",
                "Record again with --force and a larger --buffer, and with less else running.",
            )


def _reported(output: Path, one: Match, number: int, of: int, progress: Progress) -> PairReport:
    """The report of a pair, its picture drawn."""
    name = "pair.png" if of == 1 else f"pair-{number}.png"
    progress("Drawing", number - 1, of)
    dry, _ = mono(one.pair.dry)
    found = report(one.pair.dry.name, one.pair.wet.name, one.alignment, len(dry), name)
    draw(output / name, dry, one.alignment.applied(mono(one.pair.wet)[0], len(dry)), one.alignment, found)
    progress("Drawing", number, of)
    return found


def _pairs(request: Request, progress: Progress) -> list[Pair]:
    knobs = knobs_of(request.settings.knobs)
    hashes: dict[Path, str] = {}
    for done, pair in enumerate(request.pairs):
        progress("Reading", done, len(request.pairs))
        for path in (Path(pair["dry"]), Path(pair["wet"])):
            if path not in hashes:
                probe(path)
                hashes[path] = file_sha256(path)
    progress("Reading", len(request.pairs), len(request.pairs))
    found = []
    for pair in request.pairs:
        dry, wet = Path(pair["dry"]), Path(pair["wet"])
        if hashes[dry] == hashes[wet]:
            raise InputError(f"{dry} and {wet} are the same recording.", "The wet file is what the device made of the dry one.")
        found.append(Pair(dry, wet, hashes[dry], hashes[wet], values_of(pair, knobs)))
    return found


def _header(request: Request, pairs: Sequence[Pair], rate: int) -> dict[str, Any]:
    from fxlab.audio.soxr import soxr

    files = {(pair.dry_sha256, pair.dry.name): None for pair in pairs} | {
        (pair.wet_sha256, pair.wet.name): None for pair in pairs
    }
    settings = dataclasses.asdict(request.settings)
    settings["pairs"] = [{"dry": pair.dry.name, "wet": pair.wet.name, "knobs": pair.parameters} for pair in pairs]
    return {
        "fxlab_dataset": FORMAT,
        "settings": settings,
        "sample_rate_hz": rate,
        "effects": [],
        "controls": [dataclasses.asdict(knob) for knob in knobs_of(request.settings.knobs)],
        "sources": [{"source": name, "sha256": sha256} for sha256, name in files],
        "versions": {
            "fxlab": fxlab.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "soxr": soxr.__version__,
        },
    }


def _write_all(
    output: Path,
    header: Mapping[str, Any],
    matches: Sequence[Match],
    plans: Sequence[Sequence[Piece]],
    known: Mapping[str, dict],
    progress: Progress,
) -> tuple[list[dict], int]:
    """Writes what isn't there yet; returns all rows and how many of them are new."""
    rate = header["sample_rate_hz"]
    try:
        (output / "pairs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(output, error) from error
    rows: list[dict] = []
    rendered = 0
    hashes: dict[str, str] = {}
    with contextlib.closing(dataset_state.Journal(output, header, list(known.values()))) as journal:
        for number, (one, pieces) in enumerate(zip(matches, plans, strict=True)):
            dry, wet = matched_audio(one, rate)
            fresh: list[dict] = []
            for done, row in enumerate(_rows(one, pieces, rate)):
                progress("Cutting", number + done / len(pieces), len(matches))
                old = known.get(row["id"])
                if old and intact(output, old, "input") and intact(output, old, "target"):
                    rows.append(row | {key: old[key] for key in ("input_sha256", "target_sha256")})
                    continue
                place = row["trimmed"] + row["start_frame"]
                for key, audio in (("input", dry), ("target", wet)):
                    if row[key] not in hashes:
                        hashes[row[key]] = _write(output / row[key], audio[place : place + row["frames"]], rate)
                    row[f"{key}_sha256"] = hashes[row[key]]
                rows.append(row)
                fresh.append(row)
                if len(fresh) % _ROWS_AT_ONCE == 0:
                    journal.add(fresh[-_ROWS_AT_ONCE:])
            if rest := len(fresh) % _ROWS_AT_ONCE:
                journal.add(fresh[-rest:])
            rendered += len(fresh)
        progress("Cutting", len(matches), len(matches))
    return rows, rendered


def _rows(one: Match, pieces: Sequence[Piece], rate: int) -> Iterator[dict[str, Any]]:
    """The manifest's rows, without hashes."""
    pair = one.pair
    sides = [pair.dry_sha256, pair.wet_sha256, one.identity()]
    for piece in pieces:
        place = {"rate": rate, "position": piece.position, "frames": piece.frames}
        dry = value_sha256([pair.dry_sha256, place])[:20]
        name = value_sha256([sides, place, piece.start_frame, piece.lead, pair.parameters])[:20]
        yield {
            "id": name,
            "split": piece.split,
            "start_frame": piece.start_frame,
            "frames": piece.frames,
            "lead": piece.lead,
            "source": pair.dry.name,
            "source_sha256": pair.dry_sha256,
            "wet": pair.wet.name,
            "wet_sha256": pair.wet_sha256,
            "channel": 0,
            "trimmed": piece.position - piece.start_frame,
            "level_db": 0.0,
            "effect": [],
            "parameters": pair.parameters,
            "latency": 0,
            "input": f"pairs/{dry}.input.wav",
            "target": f"pairs/{name}.target.wav",
        }


def _write(path: Path, samples: np.ndarray, rate: int) -> str:
    with replacing(path) as temporary:
        with open(temporary, "wb") as file:
            writer = FloatWav(file, rate)
            writer.write(samples)
            writer.finish()
        return file_sha256(temporary)
