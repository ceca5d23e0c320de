"""The live suite as it looks: it fits the terminal, says whose fault late blocks are, and draws the memory."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from fxlab.console import output
from fxlab.console.bench import live as bench_live
from fxlab.metrics.latency import BINS
from fxlab.services.bench.gate import Outcome
from fxlab.services.bench.live_load import LOADS
from fxlab.services.bench.live_report import COMPILED, PATHS, Cell, Counts, Result, Soak
from fxlab.services.bench.live_sentences import sentence
from fxlab.services.machine import Machine

MACHINE = Machine("A CPU", 2, None, None, "Linux 6 x86_64", "CPython 3.12", {}, 0.1)
SETUP = {"runs": 3, "run_s": 3.3, "audio": "clip.flac", "busy_processes": 2}


def counts(times_ns, each=1):
    made = Counts()
    for time_ns in times_ns:
        octave = max(int(time_ns).bit_length() - 8, 0)
        made.add(each * np.eye(1, BINS, octave * 128 + (time_ns >> octave), dtype=np.int64)[0], time_ns)
    return made


def cells(effect="tcn", each=1, late_own=0):
    slow = [123_456_789, 170_000, 165_432, 1_234]
    return [
        Cell(
            *(effect, "fused", True, path, load, 128, 48_000),
            **{"work": counts(slow, each), "wall": counts(slow, each), "wake": counts(slow, each)},
            late_own=0 if path != COMPILED else late_own,
            late_woken=3,
            slips=1,
            priority="real-time priority 60",
            stolen_s=0.001,
        )
        for load in LOADS
        for path in PATHS
    ]


SOAK = Soak(
    playing="tcn (fused)",
    path="compiled callback",
    priority="real-time priority 60",
    seconds=600.0,
    blocks=225_000,
    late_own=0,
    late_woken=12,
    xruns=1,
    faults=59,
    changes=599,
    injected=60,
    recovered=59,
    programs=240,
    programs_kept=3,
    settle_s=30.0,
    memory=tuple((float(t), 250_000_000 + 1000 * t) for t in range(600)),
    growth_bytes=512_000.0,
    slope_bytes=-60_000.0,
)


@pytest.fixture
def shown(monkeypatch):
    def text(result, width=80):
        page = io.StringIO()
        console = Console(file=page, width=width, highlight=False)
        monkeypatch.setattr(output, "out", lambda: console)
        monkeypatch.setattr(output, "err", lambda: console)
        output.begin()
        output.finish(result, bench_live.show)
        return page.getvalue()

    return text


@pytest.mark.parametrize("each", [1, 9000])
def test_tables_fit_80_columns_with_every_line_whole(shown, each):
    text = shown(Result(MACHINE, SETUP, cells(each=each) + cells("saturator", each), soak=SOAK))
    tables = [line for line in text.splitlines() if not line.endswith((".", "note"))]
    assert max(cell_len(line) for line in tables) <= 80
    for load in LOADS:
        assert text.count(f"compiled, {load} ") >= 4 and text.count(f"python, {load} ") >= 4
    assert ("p99.9  " in text) == (each > 1)


def test_verdicts_say_whether_it_holds(shown):
    [calm] = Result(MACHINE, SETUP, cells(each=9000)).verdicts
    words = sentence(calm)
    assert "none late by the processor" in words and "p99.9" in words and "25 %" in words and not calm.holds
    [late] = Result(MACHINE, SETUP, cells(late_own=2)).verdicts
    assert "6 late by the processor" in sentence(late) and not late.holds
    quick = Cell("tcn", "fused", True, COMPILED, LOADS[0], 128, 48_000, work=counts([100_000] * 20))
    [fast] = Result(MACHINE, SETUP, [quick]).verdicts
    assert "20 blocks" in sentence(fast) and "3.8 % of the deadline" in sentence(fast) and fast.holds


def test_the_soak_is_told_with_its_memory(shown):
    text = shown(Result(MACHINE, SETUP, cells(), soak=SOAK))
    assert "+500.0 KiB" in text and "-58.6 KiB a minute" in text and "3 in memory at the end" in text
    without = Soak(**{**vars(SOAK), "memory": (), "growth_bytes": None, "slope_bytes": None})
    assert "a minute" not in shown(Result(MACHINE, SETUP, cells(), soak=without))


def test_gates_notes_and_what_the_host_took(shown):
    outcomes = [Outcome("misses<1", True, 6, ()), Outcome("p99<1us", False, 6, ("too slow",))]
    text = shown(Result(MACHINE, SETUP, cells(), ("reverb has no compiled form.",), gates=outcomes))
    for words in (
        "held: misses<1",
        "failed: p99<1us",
        "reverb has no compiled form.",
        "real-time priority 60",
        "virtual machine",
    ):
        assert words in text


def test_cells_that_never_played_are_dashes(shown):
    text = shown(Result(MACHINE, SETUP, [Cell("tcn", "fused", True, COMPILED, LOADS[0], 128, 48_000)]))
    assert "–" in text and "nan" not in text


@pytest.mark.parametrize(
    ("values", "line"),
    [([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"), ([5, 5, 5], "▁▁▁"), ([7], "▁"), ([0] * 48 + [10] * 48, "▁▁▁▁████")],
)
def test_sparks(values, line):
    assert bench_live.sparks(values, 8) == line
