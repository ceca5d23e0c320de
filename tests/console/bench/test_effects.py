"""The bench's tables and histograms: they fit, they name everything, and their marks stand where the figures are."""

import dataclasses
import io
import math

import numpy as np
import pytest
from rich.console import Console

from fxlab.console import output
from fxlab.console.bench import effects as bench
from fxlab.console.bench import histogram as bench_histogram
from fxlab.console.tables import table_of
from fxlab.metrics.timing import CallCost, LatencyStats, bootstrap_median, bootstrap_percentile
from fxlab.services.bench import sentences, tables
from fxlab.services.bench.gate import Outcome
from fxlab.services.bench.report import CellReport, EngineReport, PeerReport, QualityReport, Result
from fxlab.services.likeness import Character, Likeness
from fxlab.services.machine import describe

SPEEDS = {"numpy": 3e-5, "numba": 2e-6, "torch": 1.9e-3, "torchscript": 1.3e-3, "onnx": 2e-4}


def cell(effect, engine, buffer, typical_s, blocks=4000):
    times = np.random.default_rng(buffer).lognormal(math.log(typical_s), 0.1, blocks)
    runs = [times[i::5] for i in range(5)]
    rtf = bootstrap_median(np.array([run.mean() for run in runs]))
    p50, p99 = (bootstrap_percentile(runs, percent) for percent in (50, 99))
    deadline = buffer / 48_000
    rtf = type(rtf)(rtf.median / deadline, rtf.low / deadline, rtf.high / deadline)
    stats = LatencyStats.of(times * 1e9, buffer, 48_000)
    return CellReport(effect, engine, buffer, stats, rtf, p50, p99, 40, 1e-3, 2e-3, 5, 65_536, 5, times)


@pytest.fixture
def result():
    cells, engines = [], []
    for effect, names in (("saturator", ("numpy", "numba")), ("tcn-nano", ("torch", "torchscript", "onnx"))):
        for name in names:
            cells += [cell(effect, name, n, SPEEDS[name] * (1 + n / 512)) for n in (64, 128, 512)]
            neural = effect == "tcn-nano"
            facts = (3368, 842, 733, 30_000) if neural else (None,) * 4
            cost = CallCost(SPEEDS[name], 1e-8)
            engines.append(EngineReport(effect, name, neural, {}, 48_000, 0, 0.1, 0.01, 2e-3, *facts, 34_000, cost, 64))
    own, target = Character(-20, -90, -110, 1e-5), Character(-20.5, -95, -300, 0)
    likeness = Likeness(5e-4, 6e-4, 0.1, 1e-7, 98.7, 3.04, "transparent")
    quality = [
        QualityReport("saturator", "numba", 48_000, None, None, target, None),
        QualityReport("tcn-nano", "onnx", 48_000, "saturator", likeness, own, target),
    ]
    ours, theirs = (bootstrap_median(times) for times in ([0.01, 0.011], [0.06, 0.07]))
    peers = [PeerReport("saturator", "pedalboard Distortion + LowpassFilter", 30.0, ours, theirs)]
    gates = [Outcome("rtf<1", True, 15, ()), Outcome("esr<1e-9", False, 9, ("tcn-nano/onnx at 64: too much",))]
    setup = {
        "audio": "clip.flac",
        "audio_s": 5.0,
        "audio_rate_hz": 48_000,
        "audio_silent": False,
        "replaced_samples": 0,
        "buffers": [64, 128, 512],
        "runs": 5,
        "threads": 1,
        "gc": "off",
        "seed": 0,
        "timed_s": 30.0,
        "total_s": 45.0,
    }
    return Result(describe(), setup, engines, cells, quality, peers, gates, ["m doesn't run on numba"])


@pytest.fixture
def shown(result, monkeypatch):
    page = io.StringIO()
    monkeypatch.setattr(output, "out", lambda: Console(file=page, width=100, highlight=False))
    bench.show(result)
    return page.getvalue()


def test_everything_fits_100_columns_and_no_name_is_broken(shown):
    tables = shown[: shown.index("\nMeasured")]
    assert max(map(len, tables.splitlines())) <= 100
    for name in ("saturator/numpy", "saturator/numba", "tcn-nano/torch", "tcn-nano/torchscript", "tcn-nano/onnx"):
        starts = [line.split()[0] for line in tables.splitlines() if line.strip()]
        assert starts.count(name) >= 9, f"{name} in speed, latency, histogram, engine and size tables"


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize(
    ("made", "numbers"),
    [
        *((made, slice(1, None)) for made in (tables.speed, tables.latency, tables.engines, tables.sizes, tables.character)),
        (tables.likeness, slice(2, 7)),
    ],
)
def test_a_narrow_terminal_cuts_and_breaks_no_figure(result, made, numbers, width):
    def shown(columns: int) -> list[str]:
        page = io.StringIO()
        Console(file=page, width=columns, highlight=False).print(table_of(made(result), made(result).columns[numbers]))
        return page.getvalue().splitlines()

    def figures(lines: list[str]) -> list[str]:
        return sorted(word for line in lines for word in line.split() if word[0] in "0123456789+-–<")

    assert max(map(len, shown(width))) <= width
    assert figures(shown(width)) == figures(shown(200)) != []


def test_headings_say_that_preparing_compiles_and_the_first_block_comes_after(result):
    page = io.StringIO()
    Console(file=page, width=200, highlight=False).print(table_of(tables.engines(result)))
    assert "prepare (compiles)" in page.getvalue() and "first block after it" in page.getvalue()


def test_the_histogram_fits_a_narrow_terminal(result):
    cells = [c for c in result.cells if c.buffer == 128]
    lines = bench_histogram.histograms(cells, 80).plain.splitlines()
    assert max(map(len, lines)) <= 80 and sum("▲" in line for line in lines[1:]) == len(cells)


def test_sentences_say_what_was_found(shown, result):
    found = list(sentences.verdicts(result))
    assert found[1].startswith("tcn-nano/onnx needs ")
    assert "likeness to saturator: transparent (ESR 0.05 %)" in found[1]
    torch = next(c for c in result.cells if (c.engine, c.buffer) == ("torch", 128))
    assert (torch.stats.p99_s > torch.stats.deadline_s) == any("torch" in text for text in found[2:])
    assert all(sentence in shown for sentence in found)
    assert "passed" in shown and "failed" in shown and "6." in shown


def test_typical_buffer_is_the_one_nearest_to_live_use(result):
    assert sentences.typical_buffer(result) == 128


def test_histogram_marks_stand_at_their_times(result):
    cells = [c for c in result.cells if c.buffer == 128]
    lines = bench_histogram.histograms(cells).plain.splitlines()
    label = max(len(f"{c.effect}/{c.engine}") for c in cells) + 1
    columns = {c.engine: lines[3 + 3 * i][label:].index("▲") for i, c in enumerate(cells)}
    assert sorted(columns, key=columns.get) == ["numba", "numpy", "onnx", "torchscript", "torch"]
    limits = {i for line in lines[1:-2] for i, mark in enumerate(line[label:]) if mark == "│"}
    assert len(limits) == 1, "the deadline is one straight line"
    limit = limits.pop()
    for c in cells:
        assert (columns[c.engine] < limit) == (c.stats.p50_s < c.stats.deadline_s)
    assert all(len(line) <= label + bench_histogram.WIDTH + 12 for line in lines)


def test_tick_labels_stand_at_their_values():
    edges = np.geomspace(0.7e-6, 30e-3, bench_histogram.WIDTH + 1)
    ticks = bench_histogram.log_ticks(edges, 1e6)
    assert len(ticks) >= 4
    for column, label in ticks:
        assert edges[column] <= float(label) * 1e-6 <= edges[column + 1]
    assert all(after - before > len(text) for (before, text), (after, _) in zip(ticks, ticks[1:], strict=False))


def test_a_cell_of_equal_times_is_drawn_too():
    equal = dataclasses.replace(
        cell("e", "numba", 64, 1e-5), stats=LatencyStats.of(np.full(200, 1e3), 64, 48_000), times_s=np.full(200, 1e-6)
    )
    assert "▲" in bench_histogram.histograms([equal]).plain
