"""The analyzer's picture in the terminal, and in a window."""

import io
import math

import numpy as np
import pytest
from rich.console import Console

from fxlab.console.live.analyzer import analysis
from fxlab.errors import MissingError
from fxlab.services.live.analyzer import Spectra

BANDS = 58
FREQUENCIES = 1000.0 * 2.0 ** (np.arange(-31, BANDS - 31) / 6)


def spectra(names=("dry", "dsp", "network"), level=-45.0, f0_hz=110.0):
    harmonics = {name: np.arange(10) * -6.0 - at if f0_hz else np.full(10, math.nan) for at, name in enumerate(names)}
    levels = {name: np.full(BANDS, level) for name in names}
    return Spectra(FREQUENCIES, levels, f0_hz, harmonics, {name: -12.0 if f0_hz else math.nan for name in names})


def text(frame, width, **options):
    out = io.StringIO()
    Console(file=out, width=width, **options).print(frame)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 99, 140])
@pytest.mark.parametrize("names", [("dry",), ("dry", "dsp"), ("dry", "dsp", "network")])
@pytest.mark.parametrize("f0_hz", [None, 110.0])
def test_every_line_is_as_wide_as_the_frame_and_there_are_twelve_at_most(width, names, f0_hz):
    lines = text(analysis(spectra(names, f0_hz=f0_hz), width), width)
    assert {len(line) for line in lines} == {width} and len(lines) == 8 + len(names) + (len(names) == 3)


@pytest.mark.parametrize(("level", "bar"), [(-200.0, " " * 4), (-90.0, " " * 4), (-45.0, "  ██"), (0.0, "████"), (9.0, "████")])
def test_bars_span_the_range(level, bar):
    lines = text(analysis(spectra(level=level), 80), 80)
    assert "".join(line[10] for line in lines[1:5]) == bar


def test_a_sine_stands_in_its_place():
    found = spectra(level=-120.0)
    found.levels_db["dsp"][31] = 0.0
    lines = text(analysis(found, 80), 80)
    column = lines[1].index("█")
    assert lines[5][column - 1 : column + 2].count("1") == 1 and "1k" in lines[5][column - 2 : column + 3]


def test_the_table_tells_harmonics_and_their_differences():
    lines = text(analysis(spectra(), 100), 100)
    assert "110.0 Hz" in lines[0]
    assert lines[6].split()[1:-1] == ["dB", *(f"H{k}" for k in range(1, 9)), "THD"]
    assert lines[8].split()[1:-1] == ["dsp", *(f"{-6.0 * k - 1:.1f}" for k in range(8)), "-12.0"]
    assert lines[10].split("−")[1].split()[:-1] == ["dsp", *["-1.0"] * 8, "0.0"]


def test_without_a_note_there_are_no_figures():
    lines = text(analysis(spectra(f0_hz=None), 80), 80)
    assert "no single note" in lines[0] and set(lines[7].split()[2:-1]) == {"–"}


def test_names_do_not_steer_the_terminal():
    assert all("\x1b" not in line for line in text(analysis(spectra(("dry", "a\x1b[2J", "b")), 80), 80))


def figure_of(found, *others):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from fxlab.console.live.picture import Picture

    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    picture = Picture(figure)
    for each in (found, *others):
        picture.show(each)
        figure.canvas.draw()
    return figure


def test_the_window_shows_every_voice_and_its_harmonics(tmp_path):
    found = spectra()
    figure = figure_of(found)
    axes = figure.axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    for name in ("dry", "dsp", "network"):
        assert np.array_equal(lines[name].get_ydata(), found.levels_db[name])
    marks = [line for line in axes.lines if line.get_marker() != "None"]
    assert len(marks) == 3 and np.allclose(marks[1].get_xdata(), 110.0 * np.arange(1, 11))
    assert np.array_equal(marks[1].get_ydata(), found.harmonics_db["dsp"])
    figure.savefig(tmp_path / "analyzer.png")
    assert (tmp_path / "analyzer.png").stat().st_size > 10_000


def test_the_window_follows():
    """Drawn anew or over what stands, the picture is the same; other voices make another one."""
    first, second, other = spectra(level=-20.0), spectra(level=-60.0, f0_hz=None), spectra(("dry", "klon"))
    again, fresh = figure_of(first, second), figure_of(second, second)
    assert np.array_equal(np.asarray(again.canvas.buffer_rgba()), np.asarray(fresh.canvas.buffer_rgba()))
    assert not np.array_equal(np.asarray(again.canvas.buffer_rgba()), np.asarray(figure_of(first).canvas.buffer_rgba()))
    names = [text.get_text() for text in figure_of(first, other).axes[0].get_legend().get_texts()]
    assert names == ["dry", "klon"]


def test_without_a_display_the_window_says_what_is_missing(monkeypatch):
    from fxlab.console.live.window import Window

    monkeypatch.setenv("MPLBACKEND", "agg")
    with pytest.raises(MissingError, match="No window") as raised:
        Window()
    assert "terminal" in raised.value.hint
