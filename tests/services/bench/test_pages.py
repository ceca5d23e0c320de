"""The bench's pages: what they show is what was measured, and all that can be heard is in step."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fxlab.effects.registry import effect
from fxlab.engines.loader import open_processor
from fxlab.errors import OutputError, UsageError
from fxlab.metrics.timing import Interval
from fxlab.pages.page import html
from fxlab.pages.parts import Curves, Histograms, Listening, Picture, Table
from fxlab.services import pages
from fxlab.services.bench import ace as bench_ace
from fxlab.services.bench import ace_page, grow_page, knobs_page, live_page, pareto_page, training_page
from fxlab.services.bench import effects as bench
from fxlab.services.bench import grow as bench_grow
from fxlab.services.bench import page as bench_page
from fxlab.services.bench.grow_speed import Speed
from fxlab.services.bench.heard import Heard, aligned, players
from fxlab.services.bench.knobs import Network
from fxlab.services.bench.knobs import Result as KnobsResult
from fxlab.services.bench.live_report import COMPILED, PORTABLE, Cell, Counts, Soak
from fxlab.services.bench.live_report import Result as LiveResult
from fxlab.services.bench.subjects import described
from fxlab.services.bench.training import Trained, TrainingResult
from fxlab.services.by_setting import Setting
from fxlab.services.machine import describe
from fxlab.settings import BenchSettings, EffectSettings

MACHINE = describe()
TINY = {"engines": ["numba", "onnx"], "settings": BenchSettings(buffers=[64, 128], runs=2), "budget_s": 0.05}


def measured(folder, **changes):
    effects = [EffectSettings("saturator"), EffectSettings("tcn-nano")]
    usual = {"effects": effects, "html": folder / "page.html", "command": "fxlab bench"}
    return bench.run(bench.Request(**(usual | TINY | changes)))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A result, and the page that was made of it."""
    pages_made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "page_of", lambda *of: pages_made.append(bench_page.page_of(*of)) or pages_made[-1])
        return measured(tmp_path_factory.mktemp("page")), *pages_made


def parts(page, kind):
    return [part for part in page.parts if isinstance(part, kind)]


def test_the_page_is_written_and_named(made):
    result, page = made
    assert result.html_error is None and result.to_json()["html"] == str(result.html)
    text = result.html.read_text("utf-8")
    assert page.command == "fxlab bench" and text == html(page)
    assert dict(page.facts)["on"].startswith(MACHINE.cpu)


def test_a_network_is_heard_beside_what_it_copies(made):
    [player] = parts(made[1], Listening)
    assert [one.name for one in player.versions] == ["dry", "saturator (DSP)", "tcn-nano"]
    assert len({one.audio.shape for one in player.versions}) == 1
    dsp, network = (one.audio for one in player.versions[1:])
    assert np.sum((dsp - network) ** 2) < 0.01 * np.sum(dsp**2)


def test_titles_tell_settings_of_one_effect_apart():
    def title(**settings):
        return described(open_processor("saturator", settings, "numpy"))

    assert title() == "saturator" and title(drive_db=18.0) == "saturator, drive_db 18"
    assert title(drive_db=18.0, bias=0.0, makeup_db=0.0, dc_block_hz=10.0).endswith(", …")


def test_histograms_count_every_block(made):
    result, page = made
    histograms = parts(page, Histograms)
    assert [one.title for one in histograms] == ["Block times at 64 frames", "Block times at 128 frames"]
    for one, buffer in zip(histograms, (64, 128), strict=True):
        for found in one.distributions:
            [cell] = [c for c in result.cells if f"{c.effect}/{c.engine}" == found.name and c.buffer == buffer]
            assert found.counts.sum() == cell.stats.blocks and (np.diff(found.edges_s) > 0).all()
            assert dict(found.marks)["deadline"] == buffer / 48_000 and dict(found.marks)["p99"] == cell.stats.p99_s


def test_tables_have_short_titles_and_keep_what_they_said(made):
    tables = {part.title: part for part in parts(made[1], Table)}
    assert {"In words", "Speed", "Latency", "Engines", "Size", "Character"} <= set(tables)
    assert "median of the runs" in tables["Speed"].note and len(tables["Speed"].rows) == 4
    assert any("its likeness to saturator" in row[0] for row in tables["In words"].rows)


def test_a_network_that_failed_is_not_heard():
    dry = np.ones((1, 48_000), np.float32) / 8
    player, spectra = players([Heard("it", 48_000, {"dry": dry, "net": dry / 2, "failed": dry * np.nan})], "A note.")
    assert [one.name for one in player.versions] == [line.name for line in spectra.lines] == ["dry", "net"]


def test_latency_is_taken_out():
    audio = np.random.default_rng(0).normal(size=(1, 4000)).astype(np.float32)
    late = effect("saturator").processor("numba", oversample=4, drive_db=0.0, bias=0.0, cutoff_hz=20_000.0)
    wet = aligned(late, audio, 48_000)
    assert late.latency > 0 and wet.shape == audio.shape
    likeness = [np.sum(wet[0, 100:-100] * audio[0, 100 + lag : 3900 + lag]) for lag in range(-40, 41)]
    assert np.argmax(likeness) == 40


@pytest.mark.parametrize("name", ["-", "page.md", "cells.html"])
def test_a_page_that_cant_be_is_refused_before_any_work(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench, "plan", None)
    with pytest.raises(UsageError):
        measured(tmp_path, html=tmp_path / name, csv=tmp_path / "cells.html")
    assert not list(tmp_path.iterdir())


def test_a_page_that_cant_be_written_costs_no_figure(tmp_path, monkeypatch):
    def full(*_):
        raise OutputError("Can't write page.html: the disk is full.")

    monkeypatch.setattr(pages, "write", full)
    result = measured(tmp_path, engines=["numba"], settings=BenchSettings(buffers=[64], runs=1))
    assert result.cells and result.html is None and isinstance(result.html_error, OutputError)


def test_pareto(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("fxlab.services.bench.pareto.page_of", lambda *of: made.append(pareto_page.page_of(*of)) or made[-1])
    result = measured(tmp_path, suite="pareto", engines=[], settings=BenchSettings(buffers=[64], runs=1))
    [page] = made
    assert result.html_error is None and parts(page, Picture)[0].data.lstrip().startswith(b"<?xml")
    assert [one.name for one in parts(page, Listening)[0].versions] == ["dry", "saturator (DSP)", "tcn-nano"]
    group = next(part for part in parts(page, Table) if part.title.startswith("saturator") and "networks" in part.title)
    assert [row[0] for row in group.rows][0] == "saturator" and len(group.rows) == 4
    # Networks of rounded weights take over times: they aren't counted twice.
    assert [len(part.distributions) for part in parts(page, Histograms)] == [2]


def live_cells():
    rng = np.random.default_rng(0)
    for path in (COMPILED, PORTABLE):
        cell = Cell("saturator", "numba", False, path, "idle", 128, 48_000)
        for counts in (cell.work, cell.wall, cell.wake):
            bins = rng.integers(0, 2000, 500)
            counts.add(np.bincount(bins, minlength=len(Counts().bins)), 1_000_000)
        yield cell
    yield Cell("saturator", "numba", False, PORTABLE, "busy cores", 128, 48_000)


def test_live():
    setup = {"audio": "clip", "runs": 1, "run_s": 1.0, "busy_processes": 2, "total_s": 3.0}
    memory = tuple((float(s), 10**8 + s) for s in range(5))
    counts = dict.fromkeys((field.name for field in dataclasses.fields(Soak)), 1)
    soak = Soak(**counts | {"playing": "it", "path": COMPILED, "priority": "", "memory": memory})
    result = LiveResult(MACHINE, setup, list(live_cells()), ("left out",), soak)
    page = live_page.page_of(result, "fxlab bench --suite live")
    for one in parts(page, Histograms):
        assert [found.name for found in one.distributions] == [f"{COMPILED}, idle", f"{PORTABLE}, idle"]
        assert all(found.counts.sum() == 500 and found.edges_s[0] > 0 for found in one.distributions)
        assert all((np.diff(found.edges_s) > 0).all() for found in one.distributions)
    table = next(part for part in parts(page, Table) if part.title == "saturator (numba), 128 frames")
    assert table.rows[2][2:] == ["–"] * (len(table.columns) - 2) and "2.67 ms" in table.note
    assert parts(page, Curves)[0].lines[0].y[-1] == pytest.approx((10**8 + 4) / 2**20) and html(page)


def test_training_and_its_errors_in_decibels():
    step = Interval(0.1, 0.09, 0.11)
    ours = Trained("fxlab", "1", 10, 1.0, step, [(0.5, 5, 0.1), (1.0, 10, 0.01)], {})
    theirs = Trained("other", "2", 10, 1.0, step, [(1.0, 10, float("inf"))], {})
    setup = {
        "network": "nano",
        "batch": 2,
        "segment": 64,
        "threads": 1,
        "data": "clip",
        "seed": 0,
        "budget_s": 1.0,
        "total_s": 2.0,
    }
    page = training_page.page_of(TrainingResult(MACHINE, setup, [ours, theirs]))
    first, second = parts(page, Curves)[0].lines
    assert np.allclose(first.y, [-10, -20]) and np.isnan(second.y).all() and html(page)


def test_grow():
    trainers = [
        bench_grow.Trainer(name, None, None, None, 2.0, 4, [(1.0, 2, 5.0), (2.0, 4, 5.0 - number)])
        for number, name in enumerate((bench_grow.BASELINE, bench_grow.FXLAB))
    ]
    setup = {"kept_back_s": 1.0, "recordings": [{}], "budget_s": 2.0, "threads": 1, "seed": 0, "total_s": 5.0}
    page = grow_page.page_of(bench_grow.Result(MACHINE, setup, trainers, [Speed(44_100, 100.0, -90.0)], False))
    assert [line.name for line in parts(page, Curves)[0].lines] == ["baseline", "fxlab"] and html(page)
    nothing = [dataclasses.replace(one, curve=[]) for one in trainers]
    assert not parts(grow_page.page_of(bench_grow.Result(MACHINE, setup, nothing, [], True)), Curves)


def test_knobs_over_one_knob_and_over_two(tmp_path):
    def network(*knobs):
        settings = [Setting(dict.fromkeys(knobs, float(at)), 1, 1.0, 10.0 ** -(at + 1), 0.1, 0.1, "near") for at in (1, 0)]
        return Network("net", 842, settings)

    page = knobs_page.page_of(KnobsResult(tmp_path, "test", 48_000, ["a.wav"], [network("drive")]))
    [line] = parts(page, Curves)[0].lines
    assert list(line.x) == [0, 1] and np.allclose(line.y, [-10, -20]) and html(page)
    page = knobs_page.page_of(KnobsResult(tmp_path, "test", 48_000, ["a.wav"], [network("drive", "tone")]))
    assert not parts(page, Curves) and len(parts(page, Table)) == 2


def test_ace_is_heard_and_its_contrast_drawn(monkeypatch):
    monkeypatch.setattr(ace_page, "players", lambda found, audio: iter(_short(found)))
    cases = [bench_ace.Case(key, what, Interval(0.1, 0.09, 0.11), 1.0, 2**20) for key, what in bench_ace.CASES.items()]
    page = ace_page.page_of(bench_ace.Result(MACHINE, bench_ace.Request(command="fxlab bench --suite ace"), cases))
    assert page.command == "fxlab bench --suite ace" and html(page)
    before, after = parts(page, Curves)[0].lines
    assert np.mean(after.y) > np.mean(before.y), "ACE raises contrast"
    assert len(parts(page, Table)[0].rows) == len(cases)


def _short(found: list[Heard]):
    assert [list(one.versions) for one in found] == [["before", "after"]]
    return []
