"""What `bench` found out, as values that turn into JSON, CSV rows and gate metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.errors import FxlabError
from fxlab.metrics.timing import CallCost, Interval, LatencyStats, histogram, log_edges
from fxlab.services.bench.gate import Outcome
from fxlab.services.likeness import Character, Likeness
from fxlab.services.machine import Machine

_BINS = 60


@dataclass(frozen=True)
class EngineReport:
    """One engine of one effect, whatever the buffer size.

    Args:
        effect: Name in tables; unique together with `engine`.
        engine: One of `gate.all_engines()`.
        neural: Whether it is a network.
        parameters: The settings of a DSP effect.
        sample_rate_hz: The rate it ran at.
        latency: Samples, as it declares them.
        load_s: From the name or file to a processor (the engine's library was imported before); a model proves itself here.
        prepare_s: Allocation for the largest buffer; kernels are compiled (or read from the cache) and run once here.
        cold_s: The first block after that, at the smallest buffer asked for: what a stream's first block takes.
        weight_bytes, parameter_count, macs_per_sample, file_bytes: Of a network, None for DSP.
        state_bytes: Memory kept between blocks.
        cost: Fixed time per call and time per frame, fitted over the buffer sizes; None with only one size.
        smallest_realtime_buffer: The smallest buffer at and above which p99 stays below the deadline; None where no buffer does.
    """

    effect: str
    engine: str
    neural: bool
    parameters: dict[str, Any]
    sample_rate_hz: int
    latency: int
    load_s: float
    prepare_s: float
    cold_s: float
    weight_bytes: int | None
    parameter_count: int | None
    macs_per_sample: int | None
    file_bytes: int | None
    state_bytes: int
    cost: CallCost | None
    smallest_realtime_buffer: int | None


@dataclass(frozen=True)
class CellReport:
    """One engine of one effect at one buffer size.

    Args:
        stats: Over the blocks of all runs.
        rtf: Median of the runs' mean, with its 95 % bootstrap interval.
        p50_ci_s, p99_ci_s: 95 % intervals of `stats.p50_s` and `stats.p99_s`, by drawing whole runs (`bootstrap_percentile`).
        warm_up_blocks, warm_up_s, first_block_s: Blocks before the first run, their mean time, and the first of them.
        rewarm_blocks: Untimed blocks in front of every run.
        activation_bytes: What one block needs beyond weights and state; None where it can't be told.
        runs: Independent runs.
        times_s: Block times of all runs, one run after the other.
    """

    effect: str
    engine: str
    buffer: int
    stats: LatencyStats
    rtf: Interval
    p50_ci_s: tuple[float, float]
    p99_ci_s: tuple[float, float]
    warm_up_blocks: int
    warm_up_s: float
    first_block_s: float
    rewarm_blocks: int
    activation_bytes: int | None
    runs: int
    times_s: np.ndarray = field(repr=False, compare=False)

    def to_json(self) -> dict:
        edges = log_edges(max(float(self.times_s.min()), 1e-9), max(float(self.times_s.max()), 1e-9), _BINS)
        data = asdict(self.stats)
        data |= {key: getattr(self.stats, key) for key in ("audio_s", "samples_per_s", "times_realtime")}
        data |= {"rtf": self.rtf.median, "rtf_ci": [self.rtf.low, self.rtf.high], "rtf_mean": self.stats.rtf}
        data |= {"p50_ci_s": list(self.p50_ci_s), "p99_ci_s": list(self.p99_ci_s)}
        return {
            "effect": self.effect,
            "engine": self.engine,
            "buffer": self.buffer,
            **data,
            "runs": self.runs,
            "warm_up": {
                "blocks": self.warm_up_blocks,
                "mean_s": self.warm_up_s,
                "first_block_s": self.first_block_s,
                "blocks_before_each_run": self.rewarm_blocks,
            },
            "activation_bytes": self.activation_bytes,
            "histogram": {"edges_s": edges.tolist(), "counts": histogram(self.times_s, edges).tolist()},
        }


@dataclass(frozen=True)
class QualityReport:
    """A network against the DSP it was trained to copy, or a DSP effect by itself.

    Args:
        engine: What computed it.
        target: What it is compared with, None for DSP.
        likeness: None for DSP.
        character: Its own distortion, aliasing, noise and DC.
        target_character: The target's.
    """

    effect: str
    engine: str
    sample_rate_hz: int
    target: str | None
    likeness: Likeness | None
    character: Character
    target_character: Character | None

    @property
    def thd_difference_db(self) -> float | None:
        return None if self.target_character is None else self.character.thd_db - self.target_character.thd_db

    @property
    def aliasing_difference_db(self) -> float | None:
        """Above 0 the network aliases more than its target."""
        return None if self.target_character is None else self.character.aliasing_db - self.target_character.aliasing_db

    def to_json(self) -> dict:
        data = asdict(self)
        return data | {"thd_difference_db": self.thd_difference_db, "aliasing_difference_db": self.aliasing_difference_db}


@dataclass(frozen=True)
class PeerReport:
    """A DSP effect against another library's, whole file, one thread; the intervals are of the median over the runs."""

    effect: str
    peer: str
    seconds_of_audio: float
    ours_s: Interval
    theirs_s: Interval

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s.median / self.ours_s.median

    def to_json(self) -> dict:
        return asdict(self) | {"ratio": self.ratio}


@dataclass(frozen=True)
class Result:
    """Everything `fxlab bench` found.

    Args:
        setup: How it was measured: audio, runs, seed, threads, garbage collector, seconds.
        skipped: Effects and engines that were asked for and left out, and why.
        html, html_error: The page that was written, or why there is none though one was asked for.
    """

    machine: Machine
    setup: dict[str, Any]
    engines: list[EngineReport]
    cells: list[CellReport]
    quality: list[QualityReport]
    peers: list[PeerReport] = field(default_factory=list)
    gates: list[Outcome] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    html: Path | None = None
    html_error: FxlabError | None = None

    def engine(self, cell: CellReport) -> EngineReport:
        return next(e for e in self.engines if (e.effect, e.engine) == (cell.effect, cell.engine))

    def quality_of(self, effect: str) -> QualityReport | None:
        return next((q for q in self.quality if q.effect == effect), None)

    def to_json(self) -> dict:
        return {
            "fxlab_bench": 1,
            "machine": self.machine.to_json(),
            "setup": self.setup,
            "engines": [asdict(engine) for engine in self.engines],
            "cells": [cell.to_json() for cell in self.cells],
            "quality": [quality.to_json() for quality in self.quality],
            "peers": [peer.to_json() for peer in self.peers],
            "gates": [asdict(outcome) for outcome in self.gates],
            "skipped": self.skipped,
            "html": self.html and str(self.html),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One flat row per cell, everything known about it: the CSV, and (by the gates' names) what gates see."""
        return [_row(cell, self.engine(cell), self.quality_of(cell.effect)) for cell in self.cells]


def _row(cell: CellReport, engine: EngineReport, quality: QualityReport | None) -> dict[str, Any]:
    stats, cost = cell.stats, engine.cost
    likeness = quality.likeness if quality else None
    return {
        "effect": cell.effect,
        "engine": cell.engine,
        "buffer": cell.buffer,
        "neural": engine.neural,
        "sample_rate_hz": engine.sample_rate_hz,
        "runs": cell.runs,
        "blocks": stats.blocks,
        "rtf": cell.rtf.median,
        "rtf_low": cell.rtf.low,
        "rtf_high": cell.rtf.high,
        "throughput": stats.samples_per_s,
        "deadline": stats.deadline_s,
        "mean": stats.mean_s,
        "p50": stats.p50_s,
        "p95": stats.p95_s,
        "p99": stats.p99_s,
        "p99.9": stats.p999_s,
        "max": stats.max_s,
        "jitter": stats.std_s,
        "mad": stats.mad_s,
        "misses": stats.misses,
        "call": cost.per_call_s if cost else None,
        "frame": cost.per_frame_s if cost else None,
        "load": engine.load_s,
        "prepare": engine.prepare_s,
        "cold": engine.cold_s,
        "warm_up": cell.warm_up_s,
        "weight_bytes": engine.weight_bytes,
        "state_bytes": engine.state_bytes,
        "activation_bytes": cell.activation_bytes,
        "file_bytes": engine.file_bytes,
        "parameters": engine.parameter_count,
        "macs": engine.macs_per_sample,
        "esr": likeness.esr if likeness else None,
        "esr_pre": likeness.esr_pre if likeness else None,
        "mr_stft": likeness.mr_stft if likeness else None,
        "mushra": likeness.mushra if likeness else None,
        "mfcc_distance": likeness.mfcc_distance if likeness else None,
        "verdict": likeness.verdict if likeness else None,
        "thd_db": quality.character.thd_db if quality else None,
        "aliasing_db": quality.character.aliasing_db if quality else None,
        "noise_db": quality.character.noise_db if quality else None,
        "dc": quality.character.dc if quality else None,
        "thd_difference_db": quality.thd_difference_db if quality else None,
        "aliasing_difference_db": quality.aliasing_difference_db if quality else None,
    }
