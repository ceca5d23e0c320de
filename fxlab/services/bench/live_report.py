"""What `fxlab bench --suite live` found out, as plain values."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.errors import FxlabError
from fxlab.live.snapshot import Times
from fxlab.metrics.latency import BINS, coarse, percentiles_s
from fxlab.metrics.timing import P999_BLOCKS
from fxlab.services.bench.gate import Outcome
from fxlab.services.machine import Machine

COMPILED, PORTABLE = "compiled", "python"
PATHS = (COMPILED, PORTABLE)
"""How the audio is carried: by compiled code alone, or by Python that calls compiled code."""
TARGET = 0.25
"""Share of the deadline under which 99.9 % of all blocks should stay."""


@dataclass
class Counts:
    """Durations of blocks: counts in the bins of `fxlab.metrics.latency`, and the longest in nanoseconds."""

    bins: np.ndarray = field(default_factory=lambda: np.zeros(BINS, np.int64))
    longest_ns: int = 0

    def add(self, bins: np.ndarray, longest_ns: int) -> None:
        self.bins += bins
        self.longest_ns = max(self.longest_ns, longest_ns)

    @property
    def times(self) -> Times:
        longest_s = self.longest_ns * 1e-9
        p50, p99, p999 = (min(value, longest_s) for value in percentiles_s(self.bins, 50, 99, 99.9))
        return Times(int(self.bins.sum()), p50, p99, p999, longest_s)


@dataclass
class Cell:
    """One effect, one way to carry it, one load, one buffer size.

    Args:
        effect, engine: What played; `neural` for a network.
        path: One of `PATHS`.
        load: One of `bench_live_load.LOADS`.
        buffer: Frames of a block.
        sample_rate_hz: Of the stream.
        work: CPU time that blocks took.
        wall: Time that they took.
        wake: How late the system woke the audio thread for them.
        late_own: Blocks that needed more CPU time than they last.
        late_woken: Other blocks that weren't ready when the next one was due: woken late, interrupted, or waiting for Python.
        slips: Times that the stream lost touch with the clock and began anew, which is heard as a gap.
        faults: Errors of the processor.
        priority: How the audio thread was scheduled, in words.
        stolen_s: Core time that a virtual machine's host gave to others meanwhile, None where it isn't told.
    """

    effect: str
    engine: str
    neural: bool
    path: str
    load: str
    buffer: int
    sample_rate_hz: int
    work: Counts = field(default_factory=Counts)
    wall: Counts = field(default_factory=Counts)
    wake: Counts = field(default_factory=Counts)
    late_own: int = 0
    late_woken: int = 0
    slips: int = 0
    faults: int = 0
    priority: str = ""
    stolen_s: float | None = None

    @property
    def deadline_s(self) -> float:
        """What a block lasts."""
        return self.buffer / self.sample_rate_hz

    @property
    def blocks(self) -> int:
        return int(self.work.bins.sum())

    @property
    def seconds(self) -> float:
        """Of audio played."""
        return self.blocks * self.deadline_s

    def per_minute(self, count: int) -> float | None:
        """How often something happened in a minute of audio; None before the first block."""
        return 60 * count / self.seconds if self.blocks else None

    def row(self) -> dict[str, Any]:
        """All figures in one level: times in seconds; the 99.9th percentile only where enough blocks carry it."""
        found: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "effect",
                "engine",
                "neural",
                "path",
                "load",
                "buffer",
                "sample_rate_hz",
                "priority",
                "blocks",
                "seconds",
            )
        }
        found["deadline_s"] = self.deadline_s
        for kind in ("work", "wall", "wake"):
            times = getattr(self, kind).times
            values = {"p50": times.p50_s, "p99": times.p99_s, "p999": reliable(times), "max": times.max_s}
            found |= {f"{kind}_{name}_s": value for name, value in values.items()}
            found |= {f"{kind}_{name}_share": None if v is None else v / self.deadline_s for name, v in values.items()}
        for name in ("late_own", "late_woken", "slips"):
            found |= {name: getattr(self, name), f"{name}_per_minute": self.per_minute(getattr(self, name))}
        return found | {"faults": self.faults, "stolen_s": self.stolen_s}

    def gated(self) -> dict[str, Any]:
        """The cell as gates see it: its times are CPU times, its misses blocks late by the processor's own doing."""
        times = self.work.times
        return {
            "effect": self.effect,
            "engine": self.engine,
            "buffer": self.buffer,
            "deadline": self.deadline_s,
            "blocks": self.blocks,
            "neural": self.neural,
            "p50": times.p50_s,
            "p99": times.p99_s,
            "p99.9": reliable(times),
            "max": times.max_s,
            "misses": self.late_own,
        }


@dataclass(frozen=True)
class Verdict:
    """Whether the compiled path of an effect holds, whatever else the machine does.

    Args:
        effect, engine, buffer: Of the cells, under all loads.
        blocks: Of all of them.
        late_own: Those late by the processor's own doing; none are allowed.
        percent: Which percentile of the CPU times was taken: 99.9, or 99 where there are too few blocks.
        share: It, as a share of the deadline.
    """

    effect: str
    engine: str
    buffer: int
    blocks: int
    late_own: int
    percent: float
    share: float

    @property
    def holds(self) -> bool:
        return not self.late_own and self.share < TARGET


@dataclass(frozen=True)
class Soak:
    """One long stream whose parameters and effects keep changing, and whose programs are made to fail.

    Args:
        playing, path, priority: Of the stream, in words.
        seconds, blocks, late_own, late_woken, xruns, faults: Of the stream.
        changes: Parameters moved, bypasses, A/B switches, other effects, failures.
        injected: Failures among them; `recovered` were over, and the effect heard again, a second later.
        programs: How often the rack went over to another program; `programs_kept` were still in memory at the end.
        settle_s: What came before counts as the beginning.
        memory: Resident bytes of the process as (seconds, bytes), once a second; empty where the system doesn't tell.
        growth_bytes: From after the beginning to the end, None without memory.
        slope_bytes: Per minute, by least squares over the same time.
    """

    playing: str
    path: str
    priority: str
    seconds: float
    blocks: int
    late_own: int
    late_woken: int
    xruns: int
    faults: int
    changes: int
    injected: int
    recovered: int
    programs: int
    programs_kept: int
    settle_s: float
    memory: tuple[tuple[float, int], ...] = ()
    growth_bytes: float | None = None
    slope_bytes: float | None = None


@dataclass(frozen=True)
class Result:
    """Everything.

    Args:
        setup: How it was measured.
        notes: What was left out, and why.
        html, html_error: The page that was written, or why there is none though one was asked for.
    """

    machine: Machine
    setup: dict[str, Any]
    cells: Sequence[Cell]
    notes: Sequence[str] = ()
    soak: Soak | None = None
    gates: Sequence[Outcome] = ()
    html: Path | None = None
    html_error: FxlabError | None = None

    @property
    def verdicts(self) -> list[Verdict]:
        """One for each effect and buffer that was carried by compiled code."""
        groups: dict[tuple[str, str, int], list[Cell]] = {}
        for cell in self.cells:
            if cell.path == COMPILED and cell.blocks:
                groups.setdefault((cell.effect, cell.engine, cell.buffer), []).append(cell)
        return [_verdict(key, cells) for key, cells in groups.items()]

    def rows(self) -> list[dict[str, Any]]:
        return [cell.row() for cell in self.cells]

    def to_json(self) -> dict[str, Any]:
        histograms = [
            {f"{kind}_histogram": coarse(getattr(cell, kind).bins) for kind in ("work", "wall", "wake")} for cell in self.cells
        ]
        return {
            "machine": self.machine.to_json(),
            "setup": self.setup,
            "cells": [row | histogram for row, histogram in zip(self.rows(), histograms, strict=True)],
            "verdicts": [dataclasses.asdict(verdict) | {"holds": verdict.holds} for verdict in self.verdicts],
            "soak": dataclasses.asdict(self.soak) if self.soak else None,
            "notes": list(self.notes),
            "gates": [dataclasses.asdict(outcome) for outcome in self.gates],
            "html": self.html and str(self.html),
        }


def reliable(times: Times) -> float | None:
    """The 99.9th percentile, where it doesn't rest on a handful of blocks."""
    return times.p999_s if times.blocks > P999_BLOCKS else None


def _verdict(key: tuple[str, str, int], cells: Sequence[Cell]) -> Verdict:
    work = sum(cell.work.bins for cell in cells)
    blocks = int(work.sum())
    percent = 99.9 if blocks > P999_BLOCKS else 99.0
    late_own = sum(cell.late_own for cell in cells)
    return Verdict(*key, blocks, late_own, percent, percentiles_s(work, percent)[0] / cells[0].deadline_s)
