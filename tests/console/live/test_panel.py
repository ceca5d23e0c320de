"""The panel fits every width, keeps its height, and shows what there is."""

from __future__ import annotations

import dataclasses
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from fxlab.console.live import bars as live_bars
from fxlab.console.live import cells as live_cells
from fxlab.console.live import lines as live_lines
from fxlab.console.live.panel import KNOB_ROWS, panel
from fxlab.live.snapshot import Knob, Level, Times

WILD = (0.0, -0.0, 1e-12, 0.5, 1.0, 1e300, -1e300, math.inf, -math.inf, math.nan)
TEXTS = ("", "x", "long name " * 40, "日本語の名前" * 12, "a\x1b[2J\nb\tc\u202e\u2028d", "e\u0301" * 30)


def wild(playing, value, text):
    """The same stream, all of its figures and texts replaced."""
    times, level = Times(1, *[value] * 4), Level(value, value)
    figures = ("elapsed_s", "duration_s", "load", "deadline_s", "device_s", "buffer_s", "processor_s", "recorded_s")
    texts = ("playing", "state", "path", "source", "sink", "priority", "twin", "message")
    return dataclasses.replace(
        playing,
        **dict.fromkeys(figures, value),
        **dict.fromkeys(texts, text),
        **dict.fromkeys(("late_own", "late_woken", "xruns", "faults"), 10**15),
        input=(level, level),
        output=(level, level),
        recent=times,
        total=times,
        knobs=tuple(dataclasses.replace(knob, name=text, text=text, share=value) for knob in playing.knobs),
    )


def lines(snapshot, width, height=None):
    return ["".join(text for text, _ in row) for row in panel(snapshot, width, height).lines()]


def knobs(count, selected=0):
    return tuple(Knob(f"knob_{place}", f"{place} dB", place / count, place == selected) for place in range(count))


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_is_exactly_as_wide_as_the_panel(playing, text):
    for width in range(40, 201):
        snapshot = wild(playing, WILD[width % len(WILD)], text)
        assert {cell_len(line) for line in lines(snapshot, width)} == {width}


@pytest.mark.parametrize("width", [40, 80, 120])
def test_values_never_change_the_height(playing, width):
    heights = {len(lines(wild(playing, value, text), width)) for value in WILD for text in TEXTS[1:]}
    for changed in (
        {"bypassed": True},
        {"on_twin": True},
        {"trouble": True},
        {"message": ""},
        {"recorded_s": None},
        {"twin": None},
    ):
        heights.add(len(lines(dataclasses.replace(playing, **changed), width)))
    assert heights == {len(lines(playing, width))}


@given(st.integers(40, 200), st.integers(0, 30), st.integers(0, 9), st.data())
def test_any_number_of_knobs_and_channels_fits_and_the_selected_knob_is_seen(playing, width, count, channels, data):
    selected = data.draw(st.integers(0, max(0, count - 1)))
    levels = (Level(-3.0, -12.0),) * channels
    shown = lines(dataclasses.replace(playing, knobs=knobs(count, selected), input=levels, output=levels[:1]), width)
    assert {cell_len(line) for line in shown} == {width}
    rows = [line for line in shown if "knob_" in line]
    assert len(rows) == min(count, KNOB_ROWS) or (width > 100 and len(rows) <= KNOB_ROWS)
    if count:
        assert sum(f"▸ knob_{selected} " in line for line in rows) == 1


@pytest.mark.parametrize("height", range(16, 40))
def test_a_low_terminal_gets_fewer_knobs_but_the_selected_one(playing, height):
    shown = lines(dataclasses.replace(playing, knobs=knobs(20, 13)), 80, height)
    assert len(shown) <= max(height, 17)
    assert any("▸ knob_13" in line for line in shown)


def test_what_counts_can_be_read(playing):
    page = "\n".join(lines(playing, 80))
    for words in (
        "device 10.7 + buffer 2.7 + processor 0.0 = 13.4 ms",
        "8.0 % of 2.67 ms",
        "● saturator",
        "○ tcn twin",
        "○ dry",
        "0:12 of 1:00",
        "recorded 0:11",
        "virtual: clip.flac → default",
        "48 kHz, 128 frames, 2 ch, compiled callback, real-time priority 70",
        "space bypass",
    ):
        assert words in page
    assert "compiled callback │" in " ".join("\n".join(lines(dataclasses.replace(playing, priority=""), 80)).split())
    bypassed = "\n".join(lines(dataclasses.replace(playing, bypassed=True, on_twin=True), 80))
    assert "○ saturator" in bypassed and "○ tcn twin" in bypassed and "● dry" in bypassed


def test_a_fault_is_red_and_none_is_not(playing):
    def red(**changed):
        snapshot = dataclasses.replace(playing, recorded_s=None, output=(Level(-20.0, -30.0),), **changed)
        return [text for row in panel(snapshot, 80).lines() for text, style in row if "red" in style]

    assert red() == []
    assert any(text.strip() == "7" for text in red(late_own=7))
    assert any(text.strip() == "9.00 ms" for text in red(total=Times(9, 1e-4, 9e-3, 9e-3, 9.5e-3)))
    assert "device lost" in red(trouble=True, state="device lost")


@given(st.floats(), st.floats(), st.integers(1, 100))
def test_a_meter_is_as_wide_as_asked_and_grows_with_its_level(peak, rms, width):
    row = live_bars.meter(Level(peak, rms), width)
    assert sum(len(text) for text, _ in row) == width
    more = live_bars.meter(Level(-math.inf, rms + 6), width)
    assert sum(text.count("━") for text, _ in more) >= sum(text.count("━") for text, _ in row)


@pytest.mark.parametrize(
    ("level", "style"), [(-40.0, "green"), (-6.0, "green"), (-5.9, "yellow"), (-1.0, "yellow"), (-0.9, "bold red")]
)
def test_a_peak_has_the_colour_of_its_zone(level, style):
    assert ("╂", style) in live_bars.meter(Level(level, -60.0), 60)


@given(st.floats(), st.integers(1, 100))
def test_bars_and_sliders_are_as_wide_as_asked(share, width):
    assert sum(len(text) for text, _ in live_bars.bar(share, width, "")) == width
    assert sum(len(text) for text, _ in live_bars.slider(share, width, "")) == width


@given(st.text(), st.integers(0, 60))
def test_text_is_cut_and_filled_to_its_cells_and_harmless(text, width):
    clean = live_cells.one_line(text)
    assert clean.isprintable() and (text.isprintable() <= (clean == text))
    assert cell_len(live_cells.cut(clean, width)) <= width
    assert cell_len(live_cells.left(clean, width)) == cell_len(live_cells.right(clean, width)) == width


@given(st.floats(0, 998))
def test_a_timespan_has_three_digits(seconds):
    figure, unit = live_cells.timespan(seconds).split()
    assert len(figure.replace(".", "").lstrip("0")) <= 3 and len(f"{figure} {unit}") <= 7
    assert float(figure) * {"µs": 1e-6, "ms": 1e-3, "s": 1}[unit] == pytest.approx(seconds, rel=0.006, abs=1e-8)


def test_a_console_without_unicode_gets_plain_signs(playing):
    page = io.BytesIO()
    file = io.TextIOWrapper(page, "ascii")
    Console(file=file, width=80).print(panel(playing, 80))
    file.flush()
    assert page.getvalue().decode("ascii").splitlines()[0].startswith("+- saturator (numba) > tcn (fused) --")
    assert "?" not in page.getvalue().decode("ascii").replace("? help", "")


def test_lines_tell_a_change_of_state_once(playing):
    lost, later = (dataclasses.replace(playing, state=f"device lost, next try in {s} s", trouble=True) for s in (2, 1))
    assert "device lost" in live_lines.changed(playing, lost)
    assert live_lines.changed(lost, later) is None
    assert live_lines.changed(later, playing) == "At 0:12: playing."
    assert "2.67 ms" in live_lines.started(playing) and "2 woken late" in live_lines.ended(playing)
