"""`fxlab dataset --dry --wet`: recordings of a device and what was played into it, cut into the pairs of a dataset.

Each pair of files is first looked at as a whole (`_matched`), and only when all are known to fit is anything written. The dry
side of a piece is stored once however many wet recordings share it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import fxlab
from fxlab.audio.atomic import output_error, replacing
from fxlab.audio.files import probe, read
from fxlab.audio.float_wav import FloatWav
from fxlab.audio.resampling import resample
from fxlab.errors import InputError, UsageError
from fxlab.hashing import file_sha256, value_sha256
from fxlab.progress import Progress, silent
from fxlab.recorded import knobs_of, values_of
from fxlab.services import dataset_state
from fxlab.services.dataset import Result, Share
from fxlab.services.recorded_split import Piece, split_along_time
from fxlab.settings import DatasetSettings, check
from fxlab.training.manifest import FORMAT, SPLITS, Manifest, intact

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
    """

    pairs: Sequence[Mapping[str, Any]]
    output: Path
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    sample_rate_hz: int | None = None
    force: bool = False


@dataclass(frozen=True)
class _Pair:
    """Two files on disk, the hashes of their bytes, and where the knobs stood."""

    dry: Path
    wet: Path
    dry_sha256: str
    wet_sha256: str
    parameters: dict[str, float]


def run(request: Request, progress: Progress = silent) -> Result:
    """Makes the dataset, or what is missing of it.

    Raises:
        UsageError: Settings that can't be used, or that differ from those of the dataset already there.
        InputError: A file that can't be used, or a dataset made from other recordings is there.
        OutputError: The folder can't be written or holds something else.
    """
    settings = request.settings
    for known in dataclasses.fields(settings):
        check(settings, known.name, getattr(settings, known.name))
    if settings.validation + settings.test > 1 - 1e-9:
        raise UsageError("The shares for validation and testing leave nothing to train on.", "Their sum has to stay below 1.")
    if settings.align:
        raise UsageError("Recorded pairs can only be taken as they are.", "Add --no-align where both files match exactly.")
    output = Path(request.output)
    dataset_state.require_ours(output)
    pairs = _pairs(request, progress)
    rate = request.sample_rate_hz or probe(pairs[0].dry).sample_rate_hz
    header = _header(request, pairs, rate)
    known = {row["id"]: row for row in dataset_state.reusable(output, header, request.force)}
    plans = []
    for pair in pairs:
        frames = len(_matched(pair, rate)[0])
        plans.append(split_along_time(frames, [(0, frames)], rate, settings))
    rows, rendered = _write_all(output, header, pairs, plans, known, progress)
    manifest = Manifest(output, header, rows)
    dataset_state.finish(manifest)
    splits = {name: _share(manifest.split(name), rate) for name in SPLITS}
    return Result(output, rate, splits, rendered, len(rows) - rendered, [], [], [], list(rows[0]["parameters"]))


def _pairs(request: Request, progress: Progress) -> list[_Pair]:
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
        found.append(_Pair(dry, wet, hashes[dry], hashes[wet], values_of(pair, knobs)))
    return found


def _header(request: Request, pairs: Sequence[_Pair], rate: int) -> dict[str, Any]:
    import soxr

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
    pairs: Sequence[_Pair],
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
        for number, (pair, pieces) in enumerate(zip(pairs, plans, strict=True)):
            dry, wet = _matched(pair, rate)
            fresh: list[dict] = []
            for done, row in enumerate(_rows(pair, pieces, rate)):
                progress("Cutting", number + done / len(pieces), len(pairs))
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
        progress("Cutting", len(pairs), len(pairs))
    return rows, rendered


def _rows(pair: _Pair, pieces: Sequence[Piece], rate: int) -> Iterator[dict[str, Any]]:
    """The manifest's rows, without hashes."""
    for piece in pieces:
        place = {"rate": rate, "position": piece.position, "frames": piece.frames}
        dry = value_sha256([pair.dry_sha256, place])[:20]
        name = value_sha256([pair.dry_sha256, pair.wet_sha256, place, piece.start_frame, piece.lead, pair.parameters])[:20]
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


def _matched(pair: _Pair, rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Both recordings at the dataset's rate, float32 (frames,), sample by sample as the device played them."""
    dry, wet = (_mono(path, rate) for path in (pair.dry, pair.wet))
    if abs(len(dry) - len(wet)) > 0.1 * len(dry):
        raise InputError(
            f"{pair.wet} lasts {len(wet) / rate:.2f} s, {pair.dry} {len(dry) / rate:.2f} s.",
            "A pair holds the same playing on both sides; give the recordings that belong together.",
        )
    frames = min(len(dry), len(wet))
    return dry[:frames], wet[:frames]


def _mono(path: Path, rate: int) -> np.ndarray:
    """The one channel of a recording that sounds, at `rate`; raises `InputError` where several different ones do."""
    audio, own_rate = read(path)
    sounding = [channel for channel in audio if np.any(channel != channel[0])]
    if not sounding:
        raise InputError(f"{path} is silent.", "Record it again, or name the right file.")
    if any(not np.array_equal(channel, sounding[0]) for channel in sounding[1:]):
        raise InputError(
            f"{path} has {len(sounding)} different channels, and only one can be the one that belongs to the pair.",
            f"Take out the right one: `ffmpeg -i {path.name} -af pan=mono|c0=c0 left.wav`.",
        )
    return resample(sounding[0], own_rate, rate)


def _share(rows: Sequence[dict], rate: int) -> Share:
    return Share(len({row["source_sha256"] for row in rows}), len(rows), sum(row["frames"] for row in rows) / rate)
