"""`fxlab dataset`: dry recordings in, aligned dry and wet pairs out, split by source, resumable.

Real recordings are split by content; test signals all go to training where the recordings fill every split, so that
validation and test measure real playing, and fill all splits themselves where they don't.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fxlab
from fxlab.audio.atomic import output_error
from fxlab.durations import parse_duration
from fxlab.errors import FxlabError, InputError, UsageError
from fxlab.models.controls import controls_of
from fxlab.progress import Progress, silent
from fxlab.services.cluster import Cluster
from fxlab.services.dataset import state as dataset_state
from fxlab.services.dataset.noise import noise_of
from fxlab.services.dataset.plan import Rendering, Variations, definition, describe, plan
from fxlab.services.dataset.render import open_chain
from fxlab.services.dataset.sources import Take, scan, synthesized, without_copies
from fxlab.services.dataset.work import render_all
from fxlab.setting import check
from fxlab.settings import DatasetSettings, EffectSettings
from fxlab.training.manifest import FORMAT, SPLITS, Manifest, intact
from fxlab.training.splitting import assign


@dataclass(frozen=True)
class Request:
    """What to make.

    Args:
        inputs: Files, folders and globs of dry recordings, of any rate and channel count; may be empty with
            `settings.synthesize`. Each distinct channel is a take of its own.
        output: The dataset's folder.
        effects: The chain; none leaves the sound as it is.
        settings: Levels, parameter variations, chunks, shares.
        sample_rate_hz: The dataset's rate.
        workers: Threads that share the work, None for one per core; on a cluster renderings at the same time, None for as
            many as it likes.
        force: Replace a dataset that was made differently, or make the same anew.
        cluster: Where renderings are sent; its workers read the recordings and write the pairs themselves.
    """

    inputs: Sequence[str | Path]
    output: Path
    effects: Sequence[EffectSettings]
    settings: DatasetSettings = field(default_factory=DatasetSettings)
    sample_rate_hz: int = 48_000
    workers: int | None = None
    force: bool = False
    cluster: Cluster | None = None


@dataclass(frozen=True)
class Share:
    """One split's content."""

    sources: int
    pairs: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """What was made.

    Args:
        output: The dataset's folder.
        sample_rate_hz: Its rate.
        splits: "train", "validation" and "test" to their content.
        rendered: Pairs made in this run.
        kept: Pairs an earlier run had made, their hashes checked.
        failed: Inputs that can't be used, with the reason.
        copies: Inputs that hold nothing new, with the reason.
        notes: Anything else worth knowing.
        varied: Names of the parameters that differ from pair to pair.
        knobs: Those that a network can have a knob for.
        snr_db: Ratios at which inputs were mixed with `noise`; none where they are clean.
    """

    output: Path
    sample_rate_hz: int
    splits: dict[str, Share]
    rendered: int
    kept: int
    failed: list[tuple[str, str]]
    copies: list[tuple[str, str]]
    notes: list[str]
    varied: list[str] = field(default_factory=list)
    knobs: list[str] = field(default_factory=list)
    snr_db: list[float] = field(default_factory=list)
    noise: str = ""

    @property
    def trainable(self) -> bool:
        """Whether `fxlab train` takes it: something to train and to validate on, and what varies can be knobs."""
        judged = self.splits["validation"].pairs or self.splits["test"].pairs
        return bool(self.splits["train"].pairs and judged and set(self.varied) <= set(self.knobs))

    @property
    def exit_code(self) -> int:
        return InputError.exit_code if self.failed else 0

    def to_json(self) -> dict:
        skipped = [{"file": name, "reason": reason} for name, reason in self.failed]
        copies = [{"file": name, "reason": reason} for name, reason in self.copies]
        return dataclasses.asdict(self) | {
            "output": str(self.output),
            "failed": skipped,
            "copies": copies,
            "exit_code": self.exit_code,
        }


@dataclass
class _Material:
    """The takes with their splits, the header's list of sources, and what was left out."""

    takes: list[tuple[Take, str]]
    sources: list[dict[str, str]]
    failed: list[tuple[str, str]]
    copies: list[tuple[str, str]]
    notes: list[str]


def run(request: Request, progress: Progress = silent) -> Result:
    """Makes the dataset, or what is missing of it.

    Raises:
        UsageError: Settings or effects that can't be used, or that differ from those of the dataset already there.
        InputError: No usable input at all, or a dataset made from other recordings is there.
        OutputError: The folder can't be written or holds something else.
        MissingError: The cluster can't be used.
    """
    settings = request.settings
    for known in dataclasses.fields(settings):
        check(settings, known.name, getattr(settings, known.name))
    variations = Variations(request.effects, settings)
    rate = request.sample_rate_hz
    open_chain(request.effects, rate)
    output = Path(request.output)
    dataset_state.require_ours(output)
    material = _material(request, progress)
    renderings = plan(material.takes, variations, rate, noise_of(settings, material.takes, rate, progress))
    header = _header(request, material, variations)
    known = {row["id"]: row for row in dataset_state.reusable(output, header, request.force)}
    rows, rendered, failed = _render_all(request, header, renderings, known, progress)
    manifest = Manifest(output, header | {"sources": _remaining(material.sources, rows)}, rows)
    dataset_state.finish(manifest)
    splits = {name: share(manifest.split(name), rate) for name in SPLITS}
    kept = len(rows) - rendered
    varied = sorted({name for row in rows for name in row["parameters"]})
    knobs = [control.name for control in controls_of(header)]
    noisy = {"snr_db": sorted({row["snr_db"] for row in rows}), "noise": settings.noise} if settings.snr_db else {}
    failures = material.failed + failed
    return Result(output, rate, splits, rendered, kept, failures, material.copies, material.notes, varied, knobs, **noisy)


def _material(request: Request, progress: Progress) -> _Material:
    """Scans the inputs, drops copies, splits by content and adds the test signals."""
    settings, rate = request.settings, request.sample_rate_hz
    seconds = parse_duration(settings.synthesize) if settings.synthesize else 0.0
    if not request.inputs and not seconds:
        raise UsageError("There is nothing to make a dataset from.", "Name dry recordings, or add --synthesize 3min.")
    assign([], settings.validation, settings.test, settings.seed)  # shares that leave nothing fail before any file is read
    paths, failed = _expanded(request)
    scanned = []
    names = _names(paths)
    for done, path in enumerate(paths):
        progress("Reading", done, len(paths))
        scanned.append(scan(path, names[path], settings.trim_db))
    progress("Reading", len(paths), len(paths))
    failed += [(source.name, source.reason) for source in scanned if not source.takes]
    usable, groups, copies = without_copies([source for source in scanned if source.takes])
    if not usable and not seconds:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed[:3])
        raise InputError(f"None of the inputs can be used. {reasons}", "Dry recordings of any format and rate will do.")
    splits = assign(groups.values(), settings.validation, settings.test, settings.seed)
    takes = [(take, splits[groups[source.sha256]]) for source in usable for take in source.takes]
    shares = {"train": 1 - settings.validation - settings.test, "validation": settings.validation, "test": settings.test}
    wanted = [name for name in SPLITS if shares[name] > 0]
    if seconds:
        filled = set(splits.values()) >= set(wanted)
        parts = {"train": 1.0} if filled else {name: shares[name] for name in wanted}
        takes += [(synthesized(name, share * seconds, rate, settings.seed), name) for name, share in parts.items()]
    present = {split for _, split in takes}
    more = "add takes, or test signals with --synthesize 1min"
    notes = [f"Too few sources for the split '{name}', it is empty: {more}." for name in wanted if name not in present]
    listed = {take.sha256: {"source": take.source, "sha256": take.sha256, "split": split} for take, split in takes}
    return _Material(takes, list(listed.values()), failed, copies, notes)


def _expanded(request: Request) -> tuple[list[Path], list[tuple[str, str]]]:
    """Every input file once, without those of the dataset itself; an input that leads nowhere is reported."""
    from fxlab.audio.files import expand

    paths: dict[Path, Path] = {}
    failed = []
    for given in request.inputs:
        try:
            paths |= {Path(os.path.realpath(path)): path for path in expand([given])}
        except FxlabError as error:
            failed.append((str(given), error.message))
    inside = Path(os.path.realpath(request.output))
    return sorted(path for real, path in paths.items() if inside not in real.parents), failed


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """What the manifest calls each file: its name, or its path where two share a name."""
    names = [path.name for path in paths]
    return {path: path.name if names.count(path.name) == 1 else path.as_posix() for path in paths}


def _header(request: Request, material: _Material, variations: Variations) -> dict[str, Any]:
    settings = dataclasses.asdict(request.settings)
    if settings["synthesize"]:
        settings["synthesize"] = f"{parse_duration(settings['synthesize']):g}s"
    import numpy

    from fxlab.audio.soxr import soxr

    return {
        "fxlab_dataset": FORMAT,
        "settings": settings,
        "sample_rate_hz": request.sample_rate_hz,
        "effects": [describe(stage) | {"definition": definition(stage)} for stage in request.effects],
        "controls": [control.to_json() for control in variations.controls()],
        "sources": material.sources,
        "versions": {
            "fxlab": fxlab.__version__,
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "soxr": soxr.__version__,
        },
    }


def _render_all(
    request: Request, header: dict, renderings: Sequence[Rendering], known: dict[str, dict], progress: Progress
) -> tuple[list[dict], int, list[tuple[str, str]]]:
    """Renders what isn't there yet, journalling each take.

    Returns:
        All rows in the order of the plan, how many pairs were rendered, and the sources that failed with their reasons.
    """
    output = Path(request.output)
    rows: dict[int, list[dict]] = {}
    for number, rendering in enumerate(renderings):
        progress("Checking what is there", number, len(renderings))
        found = [known.get(row["id"]) for row in rendering.rows]
        if all(row and intact(output, row, "input") and intact(output, row, "target") for row in found):
            extra = ("latency", "input_sha256", "target_sha256")
            rows[number] = [row | {k: old[k] for k in extra} for row, old in zip(rendering.rows, found, strict=True)]
    progress("Checking what is there", len(renderings), len(renderings))
    todo = [number for number in range(len(renderings)) if number not in rows]
    if not todo:
        return [row for number in sorted(rows) for row in rows[number]], 0, []
    try:
        (output / "pairs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(output, error) from error
    rate = request.sample_rate_hz
    lengths = {number: sum(row["frames"] for row in renderings[number].rows) / rate for number in todo}
    failed: dict[str, str] = {}
    done_s, total_s = 0.0, sum(lengths.values())
    progress("Rendering", 0.0, total_s)
    kept = [row for number in sorted(rows) for row in rows[number]]
    with (
        contextlib.closing(dataset_state.Journal(output, header, kept)) as journal,
        contextlib.closing(render_all(renderings, todo, output, rate, request.workers, request.cluster)) as results,
    ):
        for number, made in results:
            if isinstance(made, InputError):
                failed[renderings[number].take.source] = made.message
            else:
                journal.add(made)
                rows[number] = made
            done_s += lengths[number]
            progress("Rendering", done_s, total_s)
    complete = [row for number in sorted(rows) for row in rows[number] if row["source"] not in failed]
    if not complete:
        name, reason = next(iter(failed.items()))
        raise InputError(f"None of the inputs can be used. {name}: {reason}", "Dry recordings of any format and rate will do.")
    rendered = sum(len(renderings[n].rows) for n in todo if renderings[n].take.source not in failed)
    return complete, rendered, list(failed.items())


def _remaining(sources: Sequence[dict[str, str]], rows: Sequence[dict]) -> list[dict[str, str]]:
    used = {row["source_sha256"] for row in rows}
    return [source for source in sources if source["sha256"] in used]


def share(rows: Sequence[dict], rate: int) -> Share:
    """What some of a dataset's rows make up."""
    return Share(len({row["source_sha256"] for row in rows}), len(rows), sum(row["frames"] for row in rows) / rate)
