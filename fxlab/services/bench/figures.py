"""From measured blocks to figures: what each engine took, occupies and sounds like."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fxlab.metrics.timing import LatencyStats, bootstrap_median, bootstrap_percentile, fit_call_cost
from fxlab.progress import Progress
from fxlab.services.bench import memory as bench_memory
from fxlab.services.bench.measure import Cell
from fxlab.services.bench.report import CellReport, EngineReport, QualityReport
from fxlab.services.bench.subjects import Subject, described
from fxlab.services.likeness import character, compare
from fxlab.services.scoring import open_target

Pairs = Sequence[tuple[Subject, Cell]]


def cell_reports(pairs: Pairs, seed: int) -> list[CellReport]:
    """A report per cell."""
    memory = _activations(pairs)
    return [_cell_report(subject, cell, memory[cell.key], seed) for subject, cell in pairs]


def engine_reports(subjects: Sequence[Subject], reports: Sequence[CellReport]) -> list[EngineReport]:
    """A report per subject, given those of its cells."""
    return [_engine_report(subject, reports) for subject in subjects]


def quality_reports(subjects: Sequence[Subject], reports: Sequence[CellReport], progress: Progress) -> list[QualityReport]:
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


def smallest_realtime(cells: Sequence[CellReport]) -> int | None:
    """The smallest buffer of one engine from which on p99 stays below the deadline; None where the largest one is late."""
    late = [cell.buffer for cell in cells if cell.stats.p99_s >= cell.stats.deadline_s]
    return min((cell.buffer for cell in cells if cell.buffer > max(late, default=0)), default=None)


def _activations(pairs: Pairs) -> dict[tuple[str, str, int], int | None]:
    """What a block of every cell needs beyond weights and state."""
    graphs = {path: bench_memory.network_graph(path) for path in {s.opened.path for s, _ in pairs if s.engine == "onnx"} if path}
    found = {}
    for subject, cell in pairs:
        if subject.opened.path is None:
            found[cell.key] = bench_memory.block_bytes(subject.processor, cell.buffer)
        elif subject.engine == "onnx":
            found[cell.key] = bench_memory.activation_bytes(graphs[subject.opened.path], cell.buffer)
        elif subject.engine in ("torch", "torchscript"):
            from fxlab.services.bench.tensors import peak_bytes

            found[cell.key] = peak_bytes(subject.processor, cell.buffer)
        else:
            found[cell.key] = bench_memory.fused_block_bytes(subject.processor, cell.buffer)
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


def _quality_of(subject: Subject) -> QualityReport:
    target = open_target(subject.opened.copied)
    if target is None:
        own = character(subject.processor, subject.rate_hz)
        return QualityReport(subject.effect, subject.engine, subject.rate_hz, None, None, own, None)
    likeness, own, wanted = compare(subject.processor, target.processor, subject.audio, subject.rate_hz)
    return QualityReport(subject.effect, subject.engine, subject.rate_hz, described(target), likeness, own, wanted)
