"""`fxlab bench`: DSP and networks measured side by side, for speed, latency, memory and likeness."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import numpy as np

from fxlab.errors import CheckError, UsageError
from fxlab.metrics.timing import LatencyStats, bootstrap_median, bootstrap_percentile, fit_call_cost
from fxlab.progress import Progress, silent
from fxlab.services import bench_machine, bench_memory, bench_quality
from fxlab.services.bench_audio import load_clip
from fxlab.services.bench_gate import check_gates, parse_gate
from fxlab.services.bench_measure import Cell, measure
from fxlab.services.bench_output import require_picture, require_writable, write_csv, write_plot
from fxlab.services.bench_peers import measure_peers, require_pedalboard
from fxlab.services.bench_report import CellReport, EngineReport, QualityReport, Result
from fxlab.services.bench_subjects import Subject, default_effects, import_libraries, open_subject, plan, torch_threads
from fxlab.services.scoring import target_of
from fxlab.settings import BenchSettings, EffectSettings, check

FULL_BUFFERS = [2**i for i in range(12)]
CLIP = Path(str(files("fxlab") / "assets" / "clip.flac"))
_BUDGET_S, _FULL_BUDGET_S = 38.0, 150.0


@dataclass
class Request:
    """What to measure and how.

    Args:
        effects: Effects, shipped models or model files, each measured by itself; empty for the saturator and what ships.
        engines: Confines it to these engines; empty for all that an effect has.
        settings: Buffers, runs, threads and garbage collector.
        input: Audio to measure on; None for the clip that ships. Mono; of more channels the mean, of long files the beginning.
        seed: Of the order of measurements and of the bootstrap.
        full: Every buffer size from 1 to 2048 frames instead of `settings.buffers`.
        budget_s: Seconds of timed processing to aim at; 0 means what suits a run of about a minute (`full`: about four).
        gates: Conditions that have to hold (see `bench_gate`).
        csv, plot: Files to write, None for none.
        force: They may overwrite.
        peers: Compare with pedalboard as well.
    """

    effects: Sequence[EffectSettings] = ()
    engines: Sequence[str] = ()
    settings: BenchSettings = field(default_factory=BenchSettings)
    input: Path | None = None
    seed: int = 0
    full: bool = False
    budget_s: float = 0.0
    gates: Sequence[str] = ()
    csv: Path | None = None
    plot: Path | None = None
    force: bool = False
    peers: bool = False


def run(request: Request, progress: Progress = silent) -> Result:
    """Measures, and writes the files asked for.

    A gate that fails is no error here: see `Result.gates` and `require_gates`.

    Raises:
        UsageError: An unknown effect, engine, parameter or setting, a gate that can't be understood.
        InputError: Audio or a model file that can't be used.
        MissingError: pedalboard isn't installed and `peers` asks for it.
        OutputError: A file that can't be written.
    """
    began = time.perf_counter()
    settings = _checked(request.settings)
    gates = [parse_gate(text) for text in request.gates]
    require_picture(request.plot)
    for path in (request.csv, request.plot):
        require_writable(path, request.force)
    if request.peers:
        require_pedalboard()
    buffers = FULL_BUFFERS if request.full else sorted(set(settings.buffers))
    planned, skipped = plan(request.effects or default_effects(), request.engines)
    engines = [engine for _, _, engine in planned]
    machine = bench_machine.describe()
    clip = load_clip(request.input or CLIP)
    imports = import_libraries(engines)
    with torch_threads(engines, settings.threads):
        subjects = []
        for label, effect, engine in planned:
            progress("Loading", len(subjects), len(planned), engine=f"{label}/{engine}")
            subjects.append(open_subject(label, effect, engine, clip.at, buffers, settings.threads))
        progress("Loading", len(planned), len(planned))
        cells = [Cell((s.effect, s.engine, n), s.processor, s.audio, n) for s in subjects for n in buffers]
        budget_s = request.budget_s or (_FULL_BUDGET_S if request.full else _BUDGET_S)
        measure(cells, settings.runs, budget_s, request.seed, settings.gc == "on", progress=progress)
        pairs = _pairs(subjects, cells)
        memory = _activations(pairs)
        reports = [_cell_report(subject, cell, memory[cell.key], request.seed) for subject, cell in pairs]
        engine_reports = [_engine_report(subject, reports) for subject in subjects]
        quality = _quality(subjects, reports, progress)
        peers = measure_peers(clip, settings.runs, request.seed, progress) if request.peers else []
    setup = {
        "audio": clip.name,
        "audio_s": clip.seconds,
        "audio_rate_hz": clip.rate_hz,
        "audio_silent": not clip.audio.any(),
        "replaced_samples": clip.replaced,
        "buffers": buffers,
        "runs": settings.runs,
        "threads": settings.threads,
        "gc": settings.gc,
        "seed": request.seed,
        "import_s": imports,
        "timed_audio_s": sum(report.stats.audio_s for report in reports),
        "timed_s": sum(float(report.times_s.sum()) for report in reports),
        "total_s": time.perf_counter() - began,
    }
    result = Result(machine, setup, engine_reports, reports, quality, peers, skipped=skipped)
    result = dataclasses.replace(result, gates=check_gates(gates, result.rows()))
    if request.csv:
        write_csv(result, request.csv)
    if request.plot:
        write_plot(result, request.plot)
    return result


def require_gates(result: Result) -> None:
    """Raises `CheckError` naming what failed, when a gate did."""
    failed = [outcome for outcome in result.gates if not outcome.passed]
    if failed:
        lines = [f"{outcome.gate}: {failure}" for outcome in failed for failure in outcome.failures]
        hint = "The figures are above; a busy machine can fail a gate on time."
        raise CheckError("A gate failed.\n" + "\n".join(lines), hint)


def smallest_realtime(cells: Sequence[CellReport]) -> int | None:
    """The smallest buffer of one engine from which on p99 stays below the deadline; None where the largest one is late."""
    late = [cell.buffer for cell in cells if cell.stats.p99_s >= cell.stats.deadline_s]
    return min((cell.buffer for cell in cells if cell.buffer > max(late, default=0)), default=None)


def _checked(settings: BenchSettings) -> BenchSettings:
    for item in dataclasses.fields(settings):
        check(settings, item.name, getattr(settings, item.name))
    if not settings.buffers or any(type(size) is not int for size in settings.buffers):
        raise UsageError(f"buffers = {settings.buffers} are no buffer sizes.", "Whole numbers of frames, such as 64,128,512.")
    return settings


def _pairs(subjects: list[Subject], cells: list[Cell]) -> list[tuple[Subject, Cell]]:
    by_key = {(subject.effect, subject.engine): subject for subject in subjects}
    return [(by_key[cell.key[:2]], cell) for cell in cells]


def _activations(pairs: list[tuple[Subject, Cell]]) -> dict[tuple[str, str, int], int | None]:
    """What a block of every cell needs beyond weights and state."""
    graphs = {path: bench_memory.network_graph(path) for path in {s.opened.path for s, _ in pairs if s.engine == "onnx"} if path}
    found = {}
    for subject, cell in pairs:
        if subject.opened.path is None:
            found[cell.key] = bench_memory.block_bytes(subject.processor, cell.buffer)
        elif subject.engine == "onnx":
            found[cell.key] = bench_memory.activation_bytes(graphs[subject.opened.path], cell.buffer)
        else:
            from fxlab.services.bench_tensors import peak_bytes

            found[cell.key] = peak_bytes(subject.processor, cell.buffer)
    return found


def _cell_report(subject: Subject, cell: Cell, activation_bytes: int | None, seed: int) -> CellReport:
    runs_s = [times * 1e-9 for times in cell.runs_ns]
    deadline_s = cell.buffer / subject.rate_hz
    return CellReport(
        effect=subject.effect,
        engine=subject.engine,
        buffer=cell.buffer,
        stats=LatencyStats.of(np.concatenate(cell.runs_ns), cell.buffer, subject.rate_hz),
        rtf=bootstrap_median(np.array([times.mean() for times in runs_s]) / deadline_s, seed),
        p50_ci_s=bootstrap_percentile(runs_s, 50, seed),
        p99_ci_s=bootstrap_percentile(runs_s, 99, seed),
        warm_up_blocks=len(cell.warm_up_ns),
        warm_up_s=float(cell.warm_up_ns.mean()) * 1e-9,
        first_block_s=cell.first_ns * 1e-9,
        rewarm_blocks=cell.rewarm_blocks,
        activation_bytes=activation_bytes,
        runs=len(runs_s),
        times_s=np.concatenate(runs_s),
    )


def _engine_report(subject: Subject, reports: list[CellReport]) -> EngineReport:
    opened, card = subject.opened, subject.opened.card
    cells = [report for report in reports if (report.effect, report.engine) == (subject.effect, subject.engine)]
    count = card.get("parameters_count") if card else None
    return EngineReport(
        effect=subject.effect,
        engine=subject.engine,
        neural=card is not None,
        parameters=dict(opened.parameters),
        sample_rate_hz=subject.rate_hz,
        latency=subject.processor.latency,
        load_s=subject.load_s,
        prepare_s=subject.prepare_s,
        cold_s=subject.cold_s,
        weight_bytes=4 * count if count else None,
        parameter_count=count,
        macs_per_sample=card.get("macs_per_sample") if card else None,
        file_bytes=opened.path.stat().st_size if opened.path else None,
        state_bytes=bench_memory.state_bytes(subject.processor),
        cost=fit_call_cost(np.array([c.buffer for c in cells]), np.array([c.stats.p50_s for c in cells])),
        smallest_realtime_buffer=smallest_realtime(cells),
    )


def _quality(subjects: list[Subject], reports: list[CellReport], progress: Progress) -> list[QualityReport]:
    """Every effect once, on its quickest engine."""
    speed: dict[tuple[str, str], float] = {}
    for report in reports:
        key = report.effect, report.engine
        speed[key] = min(speed.get(key, math.inf), report.rtf.median)
    quickest: dict[str, Subject] = {}
    for subject in sorted(subjects, key=lambda s: speed[s.effect, s.engine]):
        quickest.setdefault(subject.effect, subject)
    ordered = [quickest[name] for name in dict.fromkeys(subject.effect for subject in subjects)]
    found = []
    for done, subject in enumerate(ordered):
        progress("Judging quality", done, len(ordered), effect=subject.effect)
        found.append(_quality_of(subject))
    progress("Judging quality", len(ordered), len(ordered))
    return found


def _quality_of(subject: Subject) -> QualityReport:
    target = target_of((subject.opened.card or {}).get("effect") or [])
    if target is None:
        own = bench_quality.character(subject.processor, subject.rate_hz)
        return QualityReport(subject.effect, subject.engine, subject.rate_hz, None, None, own, None)
    name, processor = target
    likeness, own, wanted = bench_quality.compare(subject.processor, processor, subject.audio, subject.rate_hz)
    return QualityReport(subject.effect, subject.engine, subject.rate_hz, name, likeness, own, wanted)
