"""The end of a stream: every block is in the histogram, every figure in the report, and it fits the terminal."""

from __future__ import annotations

import dataclasses
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from fxlab.console import output
from fxlab.console.live import report as live_report
from fxlab.formats.plain_json import text_of
from fxlab.live.report import Event, Report
from fxlab.live.snapshot import Times
from fxlab.metrics.timing import log_edges

BINS = np.geomspace(1e-7, 1.0, 141)


def report(times_s=(2e-4,) * 20_000, **changed):
    counts = np.histogram(times_s, BINS)[0].tolist() if len(times_s) else [0] * 140
    made = Report(
        playing="saturator (numba)",
        path="compiled callback",
        source="virtual: clip.flac",
        sink="default",
        priority="real-time priority 70",
        sample_rate_hz=48_000,
        buffer=128,
        channels=2,
        seconds=53.3,
        blocks=len(times_s),
        deadline_s=128 / 48_000,
        mean_load=0.08,
        times=Times(len(times_s), *np.percentile(times_s, (50, 99, 99.9, 100))) if len(times_s) else Times(),
        wake=Times(100, 1e-5, 1e-4, 2e-4, 3e-4),
        histogram=tuple(zip([*BINS[1:].tolist(), math.inf], [*counts, 0], strict=True)),
        device_in_s=0.005,
        device_out_s=0.0057,
        buffer_s=128 / 48_000,
    )
    return dataclasses.replace(made, **changed)


@pytest.fixture
def shown(monkeypatch):
    def text(value, width=80):
        page = io.StringIO()
        monkeypatch.setattr(output, "out", lambda: Console(file=page, width=width, highlight=False))
        output.begin()
        output.finish(value, live_report.show)
        return page.getvalue()

    return text


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=200), st.integers(20, 100), st.floats(1e-6, 0.1), st.floats(1.1, 1e4))
def test_every_block_is_drawn_somewhere(numbers, width, low, ratio):
    edges = np.geomspace(1e-6, 0.5, len(numbers)).tolist()
    value = report(histogram=(*zip(edges, numbers, strict=True), (math.inf, 3)))
    drawn = live_report.counts(value, log_edges(low, low * ratio, width))
    assert drawn.shape == (width,) and drawn.min() >= 0
    assert drawn.sum() == sum(numbers) + 3


@given(st.floats(1e-6, 0.1), st.integers(50, 140))
def test_a_single_time_stands_where_the_axis_says(time_s, columns):
    value = report((time_s,) * 5)
    lines = live_report.histogram(value, columns).plain.splitlines()
    assert max(map(len, lines)) <= columns
    assert "█" in lines[2] and "▲" in lines[3]
    mark, bars = lines[3].index("▲"), [place for place, sign in enumerate(lines[2]) if sign in "▁▂▃▄▅▆▇█"]
    # Counts are shared out within their bin, which on a short axis is several characters wide.
    edges = live_report._edges(value, max(20, min(live_report.WIDTH, columns - live_report._LABEL)))
    bin_width = np.log(BINS[1] / BINS[0]) / np.log(edges[1] / edges[0]) + 1
    assert bars[0] - bin_width <= mark <= bars[-1] + bin_width
    if not 0.8 < time_s / value.deadline_s < 1.25:
        assert (mark < lines[3].index("│")) == (time_s < value.deadline_s)


@pytest.mark.parametrize(
    "histogram",
    [((math.inf, 4),), ((0.0, 1), (1e-4, 2)), ((1e-4, 3),), ((1e-4, 0), (1e-3, 1), (math.inf, 2)), ((1e300, 1), (math.inf, 1))],
)
def test_odd_histograms_are_drawn_too(histogram):
    value = report(histogram=histogram)
    assert "▲" in live_report.histogram(value, 80).plain


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_good_stream_is_told(shown, width):
    page = shown(report(recorded="wet.wav", recorded_s=53.2), width)
    words = " ".join(page.split())
    assert "No block was late" in words and "round trip 13.4 ms = in 5.0 + out 5.7 + buffer 2.7 + processor 0.0" in words
    assert "7.5 %" in words and "wet.wav, 53.2 s, complete" in words and "woken late by" in words
    tables = [line for line in page.splitlines() if not line.startswith(("saturator", "No block"))]
    assert max(map(cell_len, tables)) <= width


def test_what_went_wrong_is_told_up_to_ten_events(shown):
    events = tuple(Event(float(place), "xrun", "a\x1b[2Jgap") for place in range(12))
    page = shown(report(events=events, xruns=40, late_own=1, late_woken=6, faults=2, recorded_lost=5))
    assert (
        "1 block late by processing, 40 xruns, 2 faults of the processor, 5 frames missing in the recording, 6 blocks woken"
        in page
    )
    assert page.count(" s  xrun") == 10 and "and 39 more" in page
    assert "\x1b" not in page


def test_what_effects_decided_is_noted(shown, monkeypatch):
    notes = []
    monkeypatch.setattr(output, "note", notes.append)
    shown(report(remarks=("ace adapted",)))
    assert notes == ["ace adapted"]


def test_the_verdict_is_as_bad_as_what_happened():
    assert live_report.verdict(report())[1] == "green"
    assert live_report.verdict(report(late_woken=1)) == ("1 block woken late by the system.", "yellow")
    lost = tuple(Event(1.0, kind) for kind in ("device lost", "device back", "device lost"))
    assert live_report.verdict(report(events=lost)) == ("Device lost 2 times.", "red")


def test_a_stream_that_never_played_has_no_histogram(shown):
    page = shown(report((), blocks=0, histogram=(), wake=Times(), seconds=0.0, mean_load=0.0))
    assert "0 blocks" in page and "Nothing was played." in page and "deadline," not in page and "p99" not in page


def test_the_document_holds_everything_as_json():
    value = report(events=(Event(1.0, "late", "took 3 ms"),), late_own=1)
    document = json.loads(text_of(value.to_json()))
    assert {field.name for field in dataclasses.fields(Report)} | {"round_trip_s"} <= set(document)
    assert document["events"] == [{"at_s": 1.0, "kind": "late", "text": "took 3 ms"}]
    assert document["round_trip_s"] == pytest.approx(0.0107 + 128 / 48_000)
    assert document["histogram"][-1] == [None, 0]
