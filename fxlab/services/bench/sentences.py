"""What `bench` found in sentences, and what a reader must know to believe them: for the terminal and for pages."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fxlab.services.bench.report import Result
from fxlab.wording import counted, figure, percent

LIVE_BUFFER = 128
"""Histograms and sentences speak of the measured buffer size nearest to this one."""


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


def conditions(result: Result) -> Iterator[tuple[str, str]]:
    """On what, with what and how it was measured."""
    machine, setup = result.machine, result.setup
    load = f", load {machine.load:.2f} at the start" if machine.load is not None else ""
    governor = f", governor {machine.governor}" if machine.governor else ""
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


def notes(result: Result) -> Iterator[str]:
    """What may have spoilt the figures, and what was left out."""
    machine = result.machine
    if machine.load is not None and machine.load > 0.5 * machine.cores:
        busy = f"the load was {machine.load:.1f} on {machine.cores} cores when it began"
        yield f"The machine was busy ({busy}): long block times may be other programs' doing."
    for text in result.skipped:
        yield f"Left out: {text}."


def warnings(result: Result) -> Iterator[str]:
    """What is wrong with the audio."""
    if result.setup["replaced_samples"]:
        yield f"{counted(result.setup['replaced_samples'], 'sample')} of the audio not a number (NaN, infinity), now silence."
    if result.setup["audio_silent"]:
        yield "The audio is silent: nothing can be said about likeness, and speed is that of silence."


def _warm_ratio(result: Result) -> str:
    ratios = sorted(cell.warm_up_s / cell.stats.mean_s for cell in result.cells if cell.stats.mean_s)
    return f"{figure(ratios[len(ratios) // 2], 2)} x" if ratios else "–"


def _timed_audio(result: Result) -> str:
    seconds = [cell.stats.audio_s for cell in result.cells]
    return f"{figure(min(seconds), 2)} to {figure(max(seconds), 2)} s"
