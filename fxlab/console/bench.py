"""How `fxlab bench` looks: what it means in a sentence or two, then tables that fit 100 columns and histograms."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fxlab.console import output
from fxlab.console.bench_histogram import histograms
from fxlab.console.tables import counted, decibels, duration, figure, level, pairs, percent, size, table
from fxlab.services.bench_report import CellReport, EngineReport, Result

LIVE_BUFFER = 128
"""Histograms and sentences speak of the measured buffer size nearest to this one."""


def show(result: Result) -> None:
    """Everything that was measured."""
    out = output.out()
    buffer = typical_buffer(result)
    for made in (_speed(result), _latency(result)):
        out.print(made)
    out.print(histograms([cell for cell in result.cells if cell.buffer == buffer], out.width))
    out.print(_engines(result))
    out.print(_sizes(result))
    out.print(_character(result))
    if any(quality.likeness for quality in result.quality):
        out.print(_likeness(result))
    if result.peers:
        out.print(_peers(result))
    if result.gates:
        out.print(gates(result))
    out.print(pairs("Measured", conditions(result)))
    out.print()
    for sentence in verdicts(result):
        out.print(sentence, markup=False, soft_wrap=True)
    footnotes(result)


def footnotes(result: Result) -> None:
    """What may have spoilt the figures, and what was left out, on stderr."""
    machine = result.machine
    if machine.load is not None and machine.load > 0.5 * machine.cores:
        busy = f"the load was {machine.load:.1f} on {machine.cores} cores when it began"
        output.note(f"The machine was busy ({busy}): long block times may be other programs' doing.")
    if result.setup["replaced_samples"]:
        output.warn(
            f"{counted(result.setup['replaced_samples'], 'sample')} of the audio not a number (NaN, infinity), now silence."
        )
    if result.setup["audio_silent"]:
        output.warn("The audio is silent: nothing can be said about likeness, and speed is that of silence.")
    for text in result.skipped:
        output.note(f"Left out: {text}.")


def typical_buffer(result: Result) -> int:
    """The buffer size measured that is nearest to live use."""
    return min({cell.buffer for cell in result.cells}, key=lambda n: abs(math.log2(n / LIVE_BUFFER)))


def verdicts(result: Result) -> Iterator[str]:
    """One sentence per effect, on its quickest engine at the typical buffer size, and one where it isn't real-time."""
    buffer = typical_buffer(result)
    for effect in dict.fromkeys(engine.effect for engine in result.engines):
        cells = [cell for cell in result.cells if cell.effect == effect and cell.buffer == buffer]
        best = min(cells, key=lambda cell: cell.rtf.median)
        share = best.stats.p99_s / best.stats.deadline_s
        sentence = (
            f"{effect}/{best.engine} needs {percent(best.rtf.median, 2)} of real time at {buffer} frames, "
            f"99 % of its blocks take at most {percent(share, 2)} of the deadline"
        )
        quality = result.quality_of(effect)
        if quality and quality.likeness:
            sentence += f"; its likeness to {quality.target}: {quality.likeness.verdict} (ESR {percent(quality.likeness.esr)})"
        yield sentence + "."
        late = [cell.engine for cell in cells if cell.stats.p99_s >= cell.stats.deadline_s]
        if late:
            yield f"{effect} on {', '.join(late)} isn't real-time at {buffer} frames: over 1 % of its blocks miss the deadline."


def _speed(result: Result):
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
    return table("Speed: real-time factor (below 1 is real time), median of the runs", columns, rows, columns[1:])


def _latency(result: Result):
    columns = ("effect/engine", "block", "mean", "p50", "p95", "p99", "p99.9", "max", "std", "MAD", "late")
    rows = []
    for cell in result.cells:
        stats = cell.stats
        times = (stats.mean_s, stats.p50_s, stats.p95_s, stats.p99_s, stats.p999_s, stats.max_s, stats.std_s, stats.mad_s)
        late = 100 * stats.misses / stats.blocks
        share = "<0.01" if 0 < late < 0.01 else figure(late, 2)
        rows.append((named(cell), cell.buffer, *(None if t is None else t * 1e6 for t in times), share))
    title = "Latency: time per block in µs (std and MAD: jitter); late: beyond the deadline, % of the blocks"
    return table(title, columns, rows, columns[1:])


def _engines(result: Result):
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
    return table("Engines: start, fixed cost of a call, cost of a frame, smallest real-time buffer", columns, rows, columns[1:])


def _sizes(result: Result):
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
    return table("Size: in memory and on disk", columns, rows, columns[1:])


def _character(result: Result):
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
    return table("Character: a sine of 1245 Hz at -6 dBFS; noise (RMS, dBFS) and DC on silence", columns, rows, columns[1:])


def _likeness(result: Result):
    columns = ("network", "target", "ESR", "pre-emphasised", "MR-STFT", "DC error", "predicted MUSHRA", "verdict")
    rows = []
    for quality in result.quality:
        if found := quality.likeness:
            errors = percent(found.esr), percent(found.esr_pre), found.mr_stft, found.dc_error
            rows.append((quality.effect, quality.target, *errors, found.mushra, found.verdict))
    return table(f"Likeness to the target on {result.setup['audio']}", columns, rows, columns[2:7])


def _peers(result: Result):
    columns = ("effect/numba", "against", "ours", "theirs", "times faster")
    rows = [(p.effect, p.peer, duration(p.ours_s.median), duration(p.theirs_s.median), figure(p.ratio)) for p in result.peers]
    seconds = result.peers[0].seconds_of_audio
    title = f"Peers: {seconds:g} s of mono audio in one call, one thread, medians of runs in turns"
    return table(title, columns, rows, columns[2:])


def gates(result: Result):
    rows = [(outcome.gate, outcome.checked, "passed" if outcome.passed else "failed") for outcome in result.gates]
    return table("Gates", ("gate", "cells", "outcome"), rows, ("cells",))


def conditions(result: Result) -> Iterator[tuple[str, object]]:
    machine, setup = result.machine, result.setup
    governor = f", governor {machine.governor}" if machine.governor else ""
    load = f", load {machine.load:.2f} at the start" if machine.load is not None else ""
    yield "on", f"{machine.cpu}, {machine.cores} cores{governor}{load}, {machine.system}, {machine.python}"
    yield "with", ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    rate = f"{setup['audio_rate_hz']} Hz"
    yield "audio", f"{setup['audio']}, {setup['audio_s']:.1f} s at {rate}; each row of the tables rests on {_timed_audio(result)}"
    warm = sum(cell.warm_up_blocks for cell in result.cells)
    yield (
        "how",
        f"{counted(setup['runs'], 'run')}, engines in turns (seed {setup['seed']}), {counted(setup['threads'], 'thread')}, "
        f"garbage collector {setup['gc']}, {counted(warm, 'warm-up block')} left out (typically {_warm_ratio(result)} of a "
        "timed block's time)",
    )
    yield "took", f"{setup['total_s']:.0f} s, {setup['timed_s']:.0f} s of it in timed blocks"


def _warm_ratio(result: Result) -> str:
    ratios = sorted(cell.warm_up_s / cell.stats.mean_s for cell in result.cells if cell.stats.mean_s)
    return f"{figure(ratios[len(ratios) // 2], 2)} x" if ratios else "–"


def _timed_audio(result: Result) -> str:
    seconds = [cell.stats.audio_s for cell in result.cells]
    return f"{figure(min(seconds), 2)} to {figure(max(seconds), 2)} s"


def named(item: CellReport | EngineReport) -> str:
    return f"{item.effect}/{item.engine}"


def interval(low: float, high: float, digits: int = 3) -> str | None:
    return f"{low:.{digits}g} – {high:.{digits}g}" if math.isfinite(low) else None


def thousands(value: float) -> str:
    """A large count in thousands, millions or billions."""
    for limit, divisor, unit in ((1e6, 1e3, "k"), (1e9, 1e6, "M"), (math.inf, 1e9, "G")):
        if value < limit:
            return f"{figure(value / divisor)} {unit}"
    return "–"


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.1f} dB"
