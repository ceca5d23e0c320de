"""Figures, tables and progress as people and scripts see them."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fxlab.console import output, progress
from fxlab.console.tables import counted, duration, figure, pairs, percent, size, table


@given(st.floats(-1e300, 1e300), st.integers(2, 6))
def test_a_figure_keeps_its_significant_digits(value, digits):
    assert float(figure(value, digits)) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits), abs=0)


def test_figures_read_naturally():
    assert [figure(x) for x in (0.0, 0.5, 0.001234, 12.0, 12345.6, 1e-7, math.inf)] == [
        "0",
        "0.5",
        "0.00123",
        "12",
        "12346",
        "1.00e-07",
        "inf",
    ]
    assert [duration(x) for x in (2e-6, 0.0123, 3.0, 185, 7384)] == ["2 µs", "12.3 ms", "3 s", "3:05 min", "2:03:04"]
    assert [size(x) for x in (10, 2048, 5 * 2**20)] == ["10 B", "2.0 KiB", "5.0 MiB"]
    assert percent(0.00123) == "0.123 %"


def test_long_names_break_after_the_folder_and_figures_never():
    page = io.StringIO()
    rows = [("somewhere/in/a/deep/folder/with/takes/guitar.wav", "48 kHz, 24 bit", "-12.5 → -13.5")]
    Console(file=page, width=60).print(table("", ("output", "format", "peak dB"), rows, numbers=("peak dB",)))
    lines = [line.split() for line in page.getvalue().splitlines()]
    assert ["guitar.wav"] in [line[:1] for line in lines] and max(map(len, page.getvalue().splitlines())) <= 60
    assert any(line[-3:] == ["-12.5", "→", "-13.5"] for line in lines)


def test_a_name_that_fits_nowhere_is_folded():
    page = io.StringIO()
    Console(file=page, width=40).print(table("", ("output", "peak dB"), [("x" * 90, "-12.5")], numbers=("peak dB",)))
    assert page.getvalue().count("x") == 90 and "-12.5" in page.getvalue()


@pytest.mark.parametrize(("count", "says"), [(0, "0 pairs"), (1, "1 pair"), (2000, "2,000 pairs")])
def test_one_is_no_plural(count, says):
    assert counted(count, "pair") == says


def test_brackets_in_names_are_shown_and_not_read_as_markup():
    shown = io.StringIO()
    console = Console(file=shown, width=100)
    console.print(table("", ("file", "peak"), [("take [red].wav", None)], numbers=("peak",)))
    console.print(pairs("", [("input", "[bold]x[/bold]")]))
    assert "take [red].wav" in shown.getvalue() and "[bold]x[/bold]" in shown.getvalue() and "–" in shown.getvalue()


def test_on_a_terminal_there_are_bars_with_figures_and_elsewhere_sparse_lines(monkeypatch, capsys):
    output.begin()
    clock = iter(range(0, 10_000, 6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bars() as report:
        for done in range(5):
            report("training", done, 10, esr=0.0123456)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == ["training: 20 % esr 0.0123", "training: 40 % esr 0.0123"]


@pytest.mark.parametrize("refresh", [True, False])
def test_bars_show_task_share_and_fields(monkeypatch, refresh):
    output.begin()
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=120)
    monkeypatch.setattr(output, "is_terminal", lambda stderr=False: True)
    monkeypatch.setattr(output, "err", lambda: console)
    with progress.bars(refresh=refresh) as report:
        report("bench [x]", 0, None)
        report("bench [x]", 5, 5, esr=0.5, phase="last")
    drawn = shown.getvalue()
    assert "bench [x]" in drawn and "100%" in drawn and "esr 0.5" in drawn and "phase last" in drawn


def test_quiet_shows_no_progress(capsys):
    output.begin(quiet=True)
    with progress.bars() as report:
        report("training", 1, 2)
    output.begin()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("columns", range(12, 60))
def test_sentences_on_a_terminal_keep_figures_and_units_on_one_line(monkeypatch, capsys, columns):
    text = "ESR 0.07 %: great. On silence: noise -80.1 dB, 3.5 dBTP of -14.0 LUFS at 4 kHz within 12 ms [or so]."
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(Console, "is_terminal", True)
    output.say(text)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert " ".join(lines) == text and all(len(line) <= columns for line in lines)
    assert not any(line.startswith(("%", "dB", "LUFS", "kHz", "ms")) for line in lines)


def test_sentences_on_a_pipe_are_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    output.say("ESR 0.07 %: great. " * 20)
    assert capsys.readouterr().out.count("\n") == 1
