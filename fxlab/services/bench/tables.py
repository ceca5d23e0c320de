"""What `bench` found as tables, for the terminal and for pages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fxlab.pages.parts import Table
from fxlab.services.bench.gate import Outcome
from fxlab.services.bench.report import CellReport, EngineReport, Result
from fxlab.services.pages import table
from fxlab.wording import decibels, duration, figure, level, percent, size


def speed(result: Result) -> Table:
    """Real-time factors."""
    columns = ("effect/engine", "buffer", "RTF", "95 % interval", "x real time", "samples/s", "blocks")
    rows = [
        (
            named(cell),
            cell.buffer,
            f"{cell.rtf.median:.3g}",
            interval(cell.rtf.low, cell.rtf.high),
            figure(1 / cell.rtf.median) if cell.rtf.median else None,
            thousands(cell.stats.samples_per_s),
            cell.stats.blocks,
        )
        for cell in result.cells
    ]
    return table("Speed: real-time factor (below 1 is real time), median of the runs", columns, rows)


def latency(result: Result) -> Table:
    """Times of blocks."""
    columns = ("effect/engine", "block", "mean", "p50", "p95", "p99", "p99.9", "max", "std", "MAD", "late")
    rows = []
    for cell in result.cells:
        stats = cell.stats
        times = (stats.mean_s, stats.p50_s, stats.p95_s, stats.p99_s, stats.p999_s, stats.max_s, stats.std_s, stats.mad_s)
        late = 100 * stats.misses / stats.blocks
        share = "<0.01" if 0 < late < 0.01 else figure(late, 2)
        rows.append((named(cell), cell.buffer, *(None if t is None else t * 1e6 for t in times), share))
    title = "Latency: time per block in µs (std and MAD: jitter); late: beyond the deadline, % of the blocks"
    return table(title, columns, rows)


def engines(result: Result) -> Table:
    """What starting and calling each engine takes."""
    columns = ["effect/engine", "load", "prepare (compiles)", "first block after it", "per call", "per frame"]
    rows = []
    for engine in result.engines:
        cost = engine.cost
        row = [named(engine), duration(engine.load_s), duration(engine.prepare_s), duration(engine.cold_s)]
        row += [duration(cost.per_call_s), f"{figure(cost.per_frame_s * 1e9)} ns"] if cost else [None, None]
        if len(result.setup["buffers"]) > 1:
            row.append(engine.smallest_realtime_buffer or "none")
        rows.append(row)
    if len(result.setup["buffers"]) > 1:
        columns.append("real-time from")
    return table("Engines: start, fixed cost of a call, cost of a frame, smallest real-time buffer", columns, rows)


def sizes(result: Result) -> Table:
    """What each engine occupies."""
    buffer = max(result.setup["buffers"])
    columns = ("effect/engine", "parameters", "weights", "file", "state", f"block of {buffer}", "MACs/sample")
    rows = []
    for engine in result.engines:
        cell = next(c for c in result.cells if named(c) == named(engine) and c.buffer == buffer)
        weights, file, state, block = (
            None if count is None else size(count)
            for count in (engine.weight_bytes, engine.file_bytes, engine.state_bytes, cell.activation_bytes)
        )
        rows.append((named(engine), engine.parameter_count, weights, file, state, block, engine.macs_per_sample))
    return table("Size: in memory and on disk", columns, rows)


def character(result: Result) -> Table:
    """What each effect does to a sine and to silence."""
    columns = ("effect", "latency", "THD", "vs target", "aliasing", "vs target", "noise", "DC")
    rows = []
    for quality in result.quality:
        own = quality.character
        latency = next(engine.latency for engine in result.engines if engine.effect == quality.effect)
        rows.append(
            (
                quality.effect,
                f"{latency} samples" if latency else "none",
                decibels(own.thd_db),
                _signed(quality.thd_difference_db),
                decibels(own.aliasing_db),
                _signed(quality.aliasing_difference_db),
                level(own.noise_db),
                own.dc,
            )
        )
    return table("Character: a sine of 1245 Hz at -6 dBFS; noise (RMS, dBFS) and DC on silence", columns, rows)


def likeness(result: Result) -> Table | None:
    """How near networks are to what they copy; None where there is none."""
    columns = ("network", "target", "ESR", "pre-emphasised", "MR-STFT", "DC error", "predicted MUSHRA", "verdict")
    rows = []
    for quality in result.quality:
        if found := quality.likeness:
            errors = percent(found.esr), percent(found.esr_pre), found.mr_stft, found.dc_error
            rows.append((quality.effect, quality.target, *errors, found.mushra, found.verdict))
    return table(f"Likeness to the target on {result.setup['audio']}", columns, rows) if rows else None


def peers(result: Result) -> Table | None:
    """Beside another library; None where that wasn't asked for."""
    if not result.peers:
        return None
    columns = ("effect/numba", "against", "ours", "theirs", "times faster")
    rows = [(p.effect, p.peer, duration(p.ours_s.median), duration(p.theirs_s.median), figure(p.ratio)) for p in result.peers]
    seconds = result.peers[0].seconds_of_audio
    return table(f"Peers: {seconds:g} s of mono audio in one call, one thread, medians of runs in turns", columns, rows)


def gates(outcomes: Sequence[Outcome]) -> Table | None:
    """What became of gates; None without any."""
    rows = [(outcome.gate, outcome.checked, "passed" if outcome.passed else "failed") for outcome in outcomes]
    return table("Gates", ("gate", "cells", "outcome"), rows) if rows else None


def named(item: CellReport | EngineReport) -> str:
    """An engine of an effect."""
    return f"{item.effect}/{item.engine}"


def interval(low: float, high: float, digits: int = 3) -> str | None:
    """A confidence interval; None where there is none."""
    return f"{low:.{digits}g} – {high:.{digits}g}" if math.isfinite(low) else None


def thousands(value: float) -> str:
    """A large count in thousands, millions or billions."""
    for limit, divisor, unit in ((1e6, 1e3, "k"), (1e9, 1e6, "M"), (math.inf, 1e9, "G")):
        if value < limit:
            return f"{figure(value / divisor)} {unit}"
    return "–"


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.1f} dB"
