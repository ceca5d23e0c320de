"""`fxlab bench --suite live`: whether live audio holds, with and without the interpreter, on an idle machine and on a busy one.

Every run is a stream of some seconds on the virtual device, as `fxlab live --virtual` plays it: the same rack, clock, priority
and feed. Runs of all cells take turns in rounds, so that whatever else the machine does meets all alike.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.audio.atomic import replacing
from fxlab.effects.registry import effects as dsp_effects
from fxlab.engines.loader import engines_of, open_processor
from fxlab.errors import InputError, UsageError
from fxlab.live.program import Program
from fxlab.live.rack import Rack
from fxlab.live.realtime import raise_priority, undisturbed
from fxlab.live.virtual import VirtualDevice
from fxlab.progress import Progress, silent
from fxlab.services.bench.gate import check_gates, parse_gate
from fxlab.services.bench.live_load import LOADS, cores, loaded
from fxlab.services.bench.live_page import page_of
from fxlab.services.bench.live_report import COMPILED, PATHS, Cell, Result
from fxlab.services.bench.live_soak import soak
from fxlab.services.bench.output import require_page, require_picture, require_writable, with_page, write_plot
from fxlab.services.bench.subjects import label_of
from fxlab.services.live.feed import Feed, file_blocks
from fxlab.services.live.setup import CLIP
from fxlab.services.machine import describe, stolen_s
from fxlab.settings import EffectSettings

TASK = "Playing"
DEFAULT = ("saturator", "tcn")
BUFFERS, RUNS, BUDGET_S = (128,), 3, 120.0
WARM_S = 0.25
"""What is played before a run counts: the machine gets busy, the audio thread its priority, caches warm."""

_RATE_HZ = 48_000
_LONGEST_BLOCK = 8192


@dataclass
class Request:
    """What to measure, and how.

    Args:
        effects: Each played by itself; an engine other than "auto" is used.
        buffers: Frames of blocks.
        runs: Rounds.
        budget_s: Seconds of all runs together.
        soak_s: Length of a soak after them, 0 for none; it plays by turns the effects that have a compiled form.
        input: Audio to play over and over, mixed to mono; None for the clip that ships. The soak plays that one.
        gates: Conditions that have to hold (`bench_gate`): on CPU times, and misses, blocks late by the processor's own doing.
        csv, plot, html: Files to write, None for none.
        command: What was typed, for the page.
        force: They may overwrite.
    """

    effects: Sequence[EffectSettings]
    buffers: Sequence[int] = BUFFERS
    runs: int = RUNS
    budget_s: float = BUDGET_S
    soak_s: float = 0.0
    input: Path | None = None
    gates: Sequence[str] = ()
    csv: Path | None = None
    plot: Path | None = None
    html: Path | None = None
    command: str = ""
    force: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """A cell and what it plays."""

    cell: Cell
    program: Program


def run(request: Request, progress: Progress = silent) -> Result:
    """Plays every cell's runs in turns, then the soak, and writes the files asked for.

    Raises:
        UsageError: An effect, engine, parameter, gate, buffer or file name that can't be.
        InputError: Audio or a model that can't be used.
        OutputError: A file that can't be written.
    """
    began = time.perf_counter()
    gates = [parse_gate(text) for text in request.gates]
    require_picture(request.plot)
    for path in (request.csv, request.plot):
        require_writable(path, request.force)
    require_page(request.html, (request.csv, request.plot, request.input), request.force)
    for size in request.buffers:
        if not 1 <= size <= _LONGEST_BLOCK:
            raise UsageError(f"A buffer of {size} frames is out of range.", f"Its range is 1 .. {_LONGEST_BLOCK}.")
    machine = describe()
    parts, soaked = _parts(request, progress)
    clip = request.input or CLIP
    if next(file_blocks(clip, _RATE_HZ), None) is None:
        raise InputError(f"{clip} holds no audio.", "Name another file with --input.")
    seconds = request.budget_s / (len(parts) * request.runs)
    with undisturbed():
        for done in range(len(parts) * request.runs):
            part = parts[done % len(parts)]
            progress(TASK, done, len(parts) * request.runs, cell=f"{part.cell.effect} {part.cell.path}, {part.cell.load}")
            _play(part, clip, seconds)
    progress(TASK, len(parts) * request.runs, len(parts) * request.runs, cell="")
    soaking = soak(soaked or request.effects, request.buffers[0], request.soak_s, progress) if request.soak_s else None
    cells = [part.cell for part in parts]
    setup: dict[str, Any] = {
        "suite": "live",
        "audio": clip.name,
        "buffers": list(request.buffers),
        "runs": request.runs,
        "run_s": seconds,
        "warm_s": WARM_S,
        "busy_processes": cores(),
        "total_s": time.perf_counter() - began,
    }
    outcomes = check_gates(gates, [cell.gated() for cell in cells])
    result = Result(machine, setup, cells, request.notes, soaking, outcomes)
    _write(result, request)
    return with_page(result, request.html, lambda: page_of(result, request.command), request.force)


def _parts(request: Request, progress: Progress) -> tuple[list[_Part], list[EffectSettings]]:
    """Every cell with a program of its own, those of one load after another; and the effects that are compiled."""
    found: list[_Part] = []
    soaked: list[EffectSettings] = []
    taken: set[str] = set()
    for number, effect in enumerate(request.effects):
        progress("Loading", number, len(request.effects), effect=effect.name)
        label = label_of(effect.name, taken)
        compiled = False
        for size in sorted(set(request.buffers)):
            programs = [_program(effect, size) for _ in PATHS]
            compiled = programs[0][0].compiled and sys.platform == "linux"
            for path, (program, engine, rate_hz) in zip(PATHS, programs, strict=True):
                if path == COMPILED and not compiled:
                    continue
                neural = effect.name not in dsp_effects()
                found += [_Part(Cell(label, engine, neural, path, load, size, rate_hz), program) for load in LOADS]
        if compiled:
            soaked.append(effect)
        else:
            why = "no compiled form" if sys.platform == "linux" else "a compiled path on Linux only"
            request.notes.append(f"{label} ({programs[0][1]}) has {why}: it is carried by Python alone.")
    progress("Loading", len(request.effects), len(request.effects))
    found.sort(key=lambda part: LOADS.index(part.cell.load))
    return found, soaked


def _program(effect: EffectSettings, block: int) -> tuple[Program, str, int]:
    """A program of one effect, its engine and its rate."""
    known = engines_of(effect.name)
    if effect.engine != "auto" and effect.engine not in known:
        raise UsageError(f"{effect.name} has no engine '{effect.engine}'.", f"It has: {', '.join(known)}.")
    opened = open_processor(effect.name, effect.set, effect.engine)
    rate_hz = opened.processor.native_rate_hz or _RATE_HZ
    return Program([opened.processor], [opened.name], rate_hz, 1, block), opened.engine, rate_hz


def _play(part: _Part, clip: Path, seconds: float) -> None:
    """One run of a cell: its figures are added to the cell's."""
    cell = part.cell
    audio = (block.mean(axis=0, keepdims=True) for block in file_blocks(clip, cell.sample_rate_hz, again=True))
    feed = Feed(audio, 1, cell.sample_rate_hz)
    part.program.chain.reset()
    rack = Rack(1, 0, 0, cell.sample_rate_hz, cell.buffer, part.program, feed.ring, rests=False)
    device = VirtualDevice(rack, cell.buffer, cell.path == COMPILED)
    feed.start()
    try:
        with loaded(cell.load, 2 * seconds + 60):
            device.start()
            time.sleep(WARM_S / 2)
            if rack["thread"]:
                cell.priority = raise_priority(rack["thread"])
            time.sleep(WARM_S / 2)
            rack.restart()
            before = stolen_s()
            time.sleep(seconds)
            device.close()
            after = stolen_s()
    finally:
        device.close()
        feed.close()
    _count(cell, rack)
    if before is not None and after is not None:
        cell.stolen_s = (cell.stolen_s or 0.0) + after - before


def _count(cell: Cell, rack: Rack) -> None:
    if rack["restart"]:  # it never got as far as the first block that counts
        return
    cell.work.add(rack.work, rack["longest_work_ns"])
    cell.wall.add(rack.wall, rack["longest_wall_ns"])
    cell.wake.add(rack.wake, rack["longest_wake_ns"])
    cell.late_own += rack["late_own"]
    cell.late_woken += rack["late_woken"]
    cell.slips += rack["xruns"]
    cell.faults += rack["faults"]


def _write(result: Result, request: Request) -> None:
    if request.csv:
        rows = result.rows()
        with replacing(request.csv) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    if request.plot:
        from fxlab.services.bench.live_plot import figure

        write_plot(figure(result), request.plot)
