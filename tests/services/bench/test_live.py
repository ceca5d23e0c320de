"""The live suite: every block is counted once, busy processes never outlive it, the soak sees what memory does."""

from __future__ import annotations

import csv
import json
import mmap
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from fxlab.cli import run
from fxlab.errors import CheckError, UsageError
from fxlab.formats.plain_json import text_of
from fxlab.metrics.latency import BINS, lower_edges_ns
from fxlab.metrics.timing import P999_BLOCKS
from fxlab.services.bench import live as bench_live
from fxlab.services.bench import live_load as bench_live_load
from fxlab.services.bench import live_soak as bench_live_soak
from fxlab.services.bench.effects import require_gates
from fxlab.services.bench.live_load import CORES, IDLE, LOADS, PYTHON, loaded
from fxlab.services.bench.live_report import COMPILED, PORTABLE, Cell, Counts, Result
from fxlab.settings import EffectSettings

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux plays without the interpreter")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for(what, seconds=120.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    request = bench_live.Request(
        [EffectSettings("saturator")],
        runs=1,
        budget_s=0.6,
        gates=["p50<1000*deadline", "p99.9<1000*deadline", "nothing:p50<1s"],
        csv=folder / "cells.csv",
        plot=folder / "cells.png",
        html=folder / "cells.html",
    )
    return bench_live.run(request), folder


@linux
def test_every_cell_plays_and_every_block_is_counted_in_all_three_histograms(result):
    cells = result[0].cells
    assert {(cell.path, cell.load) for cell in cells} == {(path, load) for path in (COMPILED, PORTABLE) for load in LOADS}
    for cell in cells:
        assert cell.blocks > 0 and cell.faults == 0 and cell.priority
        assert cell.wall.bins.sum() == cell.wake.bins.sum() == cell.blocks
        assert cell.late_own + cell.late_woken <= cell.blocks
        assert cell.work.times.p50_s <= cell.work.times.p99_s <= cell.work.times.p999_s
        assert (cell.effect, cell.engine, cell.neural, cell.buffer) == ("saturator", "numba", False, 128)


@linux
def test_the_document_is_plain_and_its_figures_are_those_of_the_cells(result):
    document = json.loads(text_of(result[0].to_json()))
    assert document["setup"]["suite"] == "live" and document["soak"] is None and document["machine"]["cores"] >= 1
    for row, cell in zip(document["cells"], result[0].cells, strict=True):
        assert row["blocks"] == cell.blocks == sum(count for _, _, count in row["work_histogram"])
        assert row["work_p50_share"] == pytest.approx(row["work_p50_s"] / row["deadline_s"])
        assert row["work_p999_s"] is None
        assert row["late_woken_per_minute"] == pytest.approx(60 * cell.late_woken / (cell.blocks * 128 / 48_000))
    (verdict,) = document["verdicts"]
    assert verdict["blocks"] == sum(cell.blocks for cell in result[0].cells if cell.path == COMPILED)
    assert verdict["percent"] == 99


@linux
def test_files_and_gates(result):
    found, folder = result
    rows = list(csv.DictReader((folder / "cells.csv").open(encoding="utf-8")))
    assert [row["load"] for row in rows] == [cell.load for cell in found.cells]
    assert (folder / "cells.png").read_bytes()[:4] == b"\x89PNG"
    assert result[0].html == folder / "cells.html" and "CPU time of blocks" in result[0].html.read_text("utf-8")
    assert [outcome.passed for outcome in found.gates] == [True, False, False]
    with pytest.raises(CheckError, match="needs over 10000 blocks"):
        require_gates(found)


def cell(work_s=(), load=IDLE, path=COMPILED, late_own=0):
    made = Cell("tcn", "fused", True, path, load, 128, 48_000, late_own=late_own)
    for time_s in work_s:
        bins = np.zeros(BINS, np.int64)
        bins[np.searchsorted(lower_edges_ns(), round(time_s * 1e9), side="right") - 1] = 1
        made.work.add(bins, round(time_s * 1e9))
    return made


def test_a_verdict_takes_all_loads_of_the_compiled_path_together():
    cells = [cell([1e-4] * 50), cell([1e-4] * 49 + [2e-3], CORES), cell([9e-3] * 50, PYTHON, PORTABLE, late_own=50)]
    (verdict,) = Result(None, {}, cells).verdicts
    assert (verdict.blocks, verdict.late_own, verdict.percent) == (100, 0, 99)
    assert verdict.share == pytest.approx(1e-4 / (128 / 48_000), rel=0.01) and verdict.holds
    (verdict,) = Result(None, {}, [cell([1e-4] * 50, late_own=1)]).verdicts
    assert not verdict.holds
    (verdict,) = Result(None, {}, [cell([1e-3] * 50)]).verdicts
    assert not verdict.holds


def test_with_enough_blocks_the_99_9th_percentile_is_told():
    many = cell([1e-4])
    many.work.bins *= P999_BLOCKS + 1
    (verdict,) = Result(None, {}, [many]).verdicts
    assert verdict.percent == 99.9
    assert many.row()["work_p999_s"] == many.gated()["p99.9"] == many.work.times.p999_s


def test_cells_without_a_block_have_figures_that_say_so():
    empty = cell()
    assert empty.row()["late_own_per_minute"] is None and empty.seconds == 0 and Result(None, {}, [empty]).verdicts == []


def test_runs_add_up():
    counts = Counts()
    for longest in (5, 9, 7):
        counts.add(np.eye(1, BINS, 3, dtype=np.int64)[0], longest)
    assert counts.times.blocks == 3 and counts.longest_ns == 9


@linux
def test_no_percentile_is_longer_than_the_longest():
    counts = Counts()
    bins = np.zeros_like(counts.bins)
    bins[1600] = 3  # a bin is wider than what is known of its durations
    counts.add(bins, int(lower_edges_ns()[1600]))
    times = counts.times
    assert times.p50_s == times.p99_s == times.max_s


def test_stereo_is_mixed(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "stereo.wav", np.ones((4800, 2)) * (0.5, 0.1), 48_000)
    found = bench_live.run(bench_live.Request([EffectSettings("saturator")], runs=1, budget_s=0.1, input=tmp_path / "stereo.wav"))
    assert all(cell.blocks for cell in found.cells) and found.setup["audio"] == "stereo.wav"


@linux
def test_what_has_no_compiled_form_is_played_by_python_alone():
    request = bench_live.Request([EffectSettings("tcn-nano", "onnx")], runs=1, budget_s=0.2, buffers=[256])
    found = bench_live.run(request)
    assert {(c.path, c.engine, c.neural, c.buffer) for c in found.cells} == {(PORTABLE, "onnx", True, 256)}
    assert found.verdicts == [] and "no compiled form" in found.notes[0]


def test_busy_processes_are_there_and_then_are_not():
    with loaded(CORES) as started:
        assert len(started) == bench_live_load.cores()
        assert not any(gone(pid) for pid in started)
    assert all(gone(pid) for pid in started)
    with pytest.raises(KeyboardInterrupt), loaded(CORES) as started:
        raise KeyboardInterrupt
    assert all(gone(pid) for pid in started)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows doesn't tell a process that its parent is gone")
def test_busy_processes_die_with_a_parent_that_is_killed():
    program = """
        import time
        from fxlab.services.bench.live_load import CORES, loaded
        with loaded(CORES) as started:
            print(*started, flush=True)
            time.sleep(60)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True) as parent:
        started = [int(word) for word in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
    assert len(started) == bench_live_load.cores()
    wait_for(lambda: all(map(gone, started)))


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="asks without taking the answer away")
def test_busy_processes_end_by_themselves():
    with loaded(CORES, longest_s=0.05) as started:
        for pid in started:
            assert os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status == 0


def test_busy_python_is_a_thread_that_ends():
    before = threading.active_count()
    with loaded(PYTHON) as started:
        assert threading.active_count() == before + 1 and started == []
    assert threading.active_count() == before
    with loaded(IDLE) as started:
        assert threading.active_count() == before and started == []


def test_the_soak_changes_things_and_watches_the_memory(monkeypatch):
    monkeypatch.setattr(bench_live_soak, "EVERY_S", 0.05)
    sizes = iter(range(1000, 1_000_000, 10))
    effects = [EffectSettings("saturator"), EffectSettings("clipper")]
    # The stream has a priority of its own; on a busy machine this thread has its first turn seconds later, and then catches up.
    for seconds in (1.5, 6.0, 24.0):
        found = bench_live_soak.soak(effects, 128, seconds, resident=lambda: next(sizes))
        if found.changes >= 10 and found.programs >= 3 and found.faults and found.growth_bytes:
            break
    assert found.changes >= 10 and found.programs >= 3 and found.blocks > 0
    # On a busy machine one that fails may be tried again before it is mended, or be replaced before it is heard.
    assert found.injected >= 1 and found.faults >= 1
    assert len(found.memory) == found.changes and found.playing == "saturator (numba) / clipper (numba)"
    assert found.growth_bytes > 0 and found.slope_bytes > 0


def test_the_trend_of_memory():
    flat = [(float(t), 500) for t in range(60)]
    assert bench_live_soak.trend(flat, 30.0) == (0.0, pytest.approx(0.0, abs=1e-9))
    rising = [(float(t), 99_999 if t < 30 else 500 + 2 * t) for t in range(90)]
    growth, slope = bench_live_soak.trend(rising, 30.0)
    assert slope == pytest.approx(120) and growth == pytest.approx(2 * (59 - 5))
    assert bench_live_soak.trend(rising[:31], 30.0) == (None, None)


@linux
def test_resident_memory_is_told():
    before = bench_live_soak.resident_bytes()
    with mmap.mmap(-1, 32_000_000) as kept:  # an array may lie in memory that the process has had before
        kept.write(b"1" * 32_000_000)
        assert bench_live_soak.resident_bytes() - before > 16_000_000


@pytest.mark.parametrize(
    "changed",
    [
        {"buffers": [0]},
        {"buffers": [100_000]},
        {"gates": ["speed<1"]},
        {"plot": "cells.txt"},
        {"csv": "."},
        {"effects": [EffectSettings("saturator", "onnx")]},
        {"effects": [EffectSettings("nonsense")]},
    ],
)
def test_what_cannot_be_is_refused_before_anything_plays(changed, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_live, "_play", lambda *_: pytest.fail("it played"))
    changed = {key: tmp_path / value if isinstance(value, str) else value for key, value in changed.items()}
    with pytest.raises(UsageError):
        bench_live.run(bench_live.Request(**({"effects": [EffectSettings("saturator")]} | changed)))


@pytest.mark.parametrize(
    "words",
    [
        ["--suite", "live", "--full"],
        ["--suite", "live", "--peers"],
        ["--suite", "live", "--threads", "2"],
        ["--suite", "live", "--gc", "on"],
        ["--suite", "live", "--engine", "numba,fused"],
        ["--suite", "live", "--soak", "long"],
        ["--soak", "1min"],
    ],
)
def test_options_of_other_suites_are_refused(words, capsys):
    assert run(["bench", *words]) == 2
    assert "Error" in capsys.readouterr().err


@linux
def test_a_gate_that_fails_ends_with_its_exit_code_and_a_whole_document(capsys):
    words = ["--runs", "1", "--budget", "0.3s", "--effect", "saturator", "--gate", "p50<1ns"]
    assert run(["--json", "bench", "--suite", "live", *words]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 5 and len(document["cells"]) == 6 and not document["gates"][0]["passed"]
