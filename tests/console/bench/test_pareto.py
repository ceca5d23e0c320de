"""How the suite "pareto" looks: it fits, fronts are marked, and marks stand where the figures are."""

import dataclasses
import io
import math

import numpy as np
import pytest
from rich.console import Console

from fxlab.console import output
from fxlab.console.bench import pareto as bench_pareto
from fxlab.console.bench import scatter as bench_scatter
from fxlab.metrics.timing import LatencyStats, bootstrap_median, bootstrap_percentile
from fxlab.services.bench import pareto_tables
from fxlab.services.bench.pareto_plot import figure
from fxlab.services.bench.report import CellReport, EngineReport, QualityReport
from fxlab.services.bench.standing import ParetoResult, Standing, compared
from fxlab.services.likeness import Character, Likeness
from fxlab.services.machine import describe

# Effect to its own time in µs at 64 frames and its networks: name, µs, ESR, parameters, KB as fp32, fp16 and int8.
NETWORKS = {
    "saturator": (
        2.0,
        [
            ("tcn", 62.0, 1.2e-4, 13_802, (112, 86, 76)),
            ("nano", 24.0, 5e-4, 842, (61, 60, 60.1)),
            ("slow", 90.0, 6e-4, 900, (130, 129, 128)),
        ],
    ),
    "bitcrusher": (1.2, [("bitcrusher-nano", 23.5, 2e-2, 842, (61, 60, 60.1))]),
}


def cell(effect, engine, buffer, typical_us):
    times = np.random.default_rng(buffer).lognormal(math.log(typical_us * 1e-6 * (0.3 + 0.7 * buffer / 64)), 0.1, (5, 400))
    deadline = buffer / 48_000
    rtf, p50, p99 = bootstrap_median(times.mean(axis=1) / deadline), *(bootstrap_percentile(list(times), p) for p in (50, 99))
    stats = LatencyStats.of(times * 1e9, buffer, 48_000)
    return CellReport(effect, engine, buffer, stats, rtf, p50, p99, 40, 1e-3, 2e-3, 5, 65_536, 5, times.ravel())


def made(buffers=(64,), engines=("fused",)):
    cells, reports, quality, standings, own = [], [], [], [], Character(-20, -90, -110, 1e-5)

    def add(effect, engine, standing, timed, facts=(None,) * 4, esr=None):
        cells.extend(dataclasses.replace(c, effect=effect) for c in timed)
        standings.extend([standing] * len(timed))
        reports.append(EngineReport(effect, engine, facts[0] is not None, {}, 48_000, 0, 0.1, 0.1, 1e-3, *facts, 1000, None, 64))
        likeness = esr and Likeness(esr, esr, 0.1, 1e-7, 98.7, 3.0, "great")
        quality.append(QualityReport(effect, engine, 48_000, esr and standing.target, likeness, own, esr and own))

    for target, (typical_us, networks) in NETWORKS.items():
        add(target, "numba", Standing(target, reference=True), [cell(target, "numba", n, typical_us) for n in buffers])
        for name, us, esr, count, sizes in networks:
            for i, engine in enumerate(engines):
                timed = [cell(name, engine, n, us * (1 + 3 * i)) for n in buffers]
                for precision, size, factor in zip(("fp32", "fp16", "int8"), sizes, (1, 1.002, 1.5), strict=True):
                    label, parent = (name, None) if precision == "fp32" else (f"{name}-{precision}", name)
                    facts = 4 * count, count, count, int(1000 * size)
                    add(label, engine, Standing(target, False, precision, parent), timed, facts, esr * factor)
    setup = {"suite": "pareto", "audio": "clip.flac", "audio_s": 5.0, "audio_rate_hz": 48_000, "audio_silent": False}
    setup |= {"replaced_samples": 0, "buffers": list(buffers), "runs": 5, "threads": 1, "gc": "off", "seed": 0}
    result = ParetoResult(describe(), setup | {"timed_s": 3.0, "total_s": 4.0}, reports, cells, quality, standings=standings)
    return dataclasses.replace(result, standings=compared(result, standings))


def shown(result, width, monkeypatch):
    page = io.StringIO()
    monkeypatch.setattr(output, "out", lambda: Console(file=page, width=width, highlight=False))
    bench_pareto.show(result)
    return page.getvalue()


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("engines", [("fused",), ("fused", "onnx")])
def test_everything_fits_and_no_name_or_figure_is_cut(width, engines, monkeypatch):
    tables = shown(made((64, 256), engines), width, monkeypatch).partition("\nMeasured")[0]
    assert max(map(len, tables.splitlines())) <= width
    for name in ("tcn-int8", "nano-fp16", "bitcrusher-nano-int8", "reference", "109.4", "13802"):
        assert tables.count(name) >= 2, name
    assert "…" not in tables


def test_rows_are_marked_by_the_fronts_they_are_on(monkeypatch):
    result = made()
    lines = {line.split()[0]: line for line in shown(result, 100, monkeypatch).splitlines() if "KiB" in line}
    fronts = {name: [word for word in ("speed", "size") if f"● {word}" in line] for name, line in lines.items()}
    assert fronts["nano"] == fronts["tcn"] == fronts["bitcrusher-nano"] == ["speed", "size"]
    assert fronts["tcn-int8"] == ["size"] and fronts["slow"] == fronts["slow-int8"] == []
    assert all(
        fronts[cell.effect] == list(s.fronts)
        for cell, s in zip(result.cells, result.standings, strict=True)
        if cell.effect in fronts
    )


def test_sentences_say_what_the_fronts_say():
    first, second, fp16, int8 = pareto_tables.verdicts(made())
    assert first.index("nano: ESR 0.05 %") < first.index("tcn: ESR 0.012 %") and "neither front: " in first and "slow" in first
    assert second.startswith("bitcrusher at 64 frames") and "neither" in second
    assert "1.002 times" in fp16 and "1.5 to 32 % smaller, ESR 1.500 times" in int8


@pytest.mark.parametrize("width", [80, 140])
def test_marks_stand_at_their_figures(width):
    result = made()
    lines = bench_scatter.scatter(result, 64, width).plain.splitlines()
    assert max(map(len, lines)) <= min(width, bench_scatter.WIDTH)
    place = {}
    for row, line in enumerate(lines[1:]):
        for name in ("saturator", "tcn", "nano", "slow", "bitcrusher", "bitcrusher-nano"):
            before, found, after = f" {line} ".partition(name)
            marks = [i for i, mark in enumerate(line) if mark in "●▲"]
            if found and marks and (before + after)[len(before) - 1] != "-" and not after.startswith("-"):
                place[name] = row, min(marks, key=lambda i: abs(i - len(before)))
    assert place["bitcrusher-nano"][0] < place["slow"][0] <= place["nano"][0] < place["tcn"][0] < place["saturator"][0]
    assert place["saturator"][1] < place["nano"][1] < place["tcn"][1] < place["slow"][1]


def test_nothing_is_drawn_of_networks_of_unknown_effects(monkeypatch):
    result = made()
    lost = dataclasses.replace(
        result,
        quality=[dataclasses.replace(quality, target=None, likeness=None) for quality in result.quality],
        standings=[Standing(None, precision=standing.precision) for standing in result.standings],
    )
    assert bench_scatter.scatter(lost, 64, 100) is None
    assert "unknown effects" in shown(lost, 100, monkeypatch)
    assert figure(lost).axes


def test_an_exact_copy_has_a_place_too():
    result = made()
    quality = [
        q and dataclasses.replace(q, likeness=q.likeness and dataclasses.replace(q.likeness, esr=0.0)) for q in result.quality
    ]
    exact = dataclasses.replace(result, quality=quality)
    assert "●" in bench_scatter.scatter(exact, 64, 80).plain
    figure(exact).draw_without_rendering()


def test_labels_of_the_picture_cover_no_other_label():
    drawn = figure(made())
    boxes = [text.get_window_extent() for text in drawn.axes[0].texts if "KiB" in text.get_text()]
    assert len(boxes) == 4
    for i, one in enumerate(boxes):
        assert drawn.axes[0].bbox.x0 <= one.x0 and one.x1 <= drawn.axes[0].bbox.x1
        assert not any(one.overlaps(other) for other in boxes[:i])
