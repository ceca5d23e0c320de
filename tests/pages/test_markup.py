import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.pages.markup import data
from fxlab.pages.numbers import number_of
from fxlab.pages.page import html
from fxlab.pages.parts import Curves, Distribution, Histograms, Line, Listening, Page, Picture, Table, Version
from fxlab.pages.thinning import COLUMNS, rounded, thinned

HOSTILE = "</script><script>alert(1)</script>'\"&<b>\u2028]]>"


@given(st.text())
def test_data_is_itself_again_and_ends_nothing(text):
    inside = data({"name": text}).removeprefix('<script type="application/json">').removesuffix("</script>")
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == {"name": text}


def test_every_text_is_escaped():
    line = Line(HOSTILE, np.arange(3.0), np.arange(3.0))
    spread = Distribution(HOSTILE, np.array([1.0, 2.0]), np.array([1]), [(HOSTILE, 1.5)])
    sounds = [Version(HOSTILE, np.full((1, 800), level, np.float32)) for level in (0.1, 0.2)]
    parts = [
        Table(HOSTILE, [HOSTILE], [[HOSTILE]], HOSTILE),
        Curves(HOSTILE, HOSTILE, HOSTILE, [line], note=HOSTILE),
        Histograms(HOSTILE, [spread], HOSTILE),
        Picture(HOSTILE, b"<svg/>", HOSTILE, HOSTILE),
        Listening(HOSTILE, sounds, 8000, HOSTILE),
    ]
    plain = html(Page("title", "summary", "command", [("name", "value")]))
    text = html(Page(HOSTILE, HOSTILE, HOSTILE, [(HOSTILE, HOSTILE)], parts))
    assert "alert(1)</script>" not in text and "<b>" not in text.split("<script>")[0]
    assert text.count("<script>") == plain.count("<script>") == 1  # the page's own; data has a type


@given(st.floats(-1e12, 1e12))
def test_numbers_are_read_from_texts(value):
    assert number_of(f"{value:.6g} dB") == pytest.approx(float(f"{value:.6g}"))
    assert number_of(f"{value:,.2f}".replace("-", "−")) == pytest.approx(round(value, 2))


def test_times_compare_over_units_and_words_are_no_numbers():
    assert [number_of(text) for text in ("850 µs", "1.2 ms", "0.1 s")] == pytest.approx([850e-6, 1.2e-3, 0.1])
    assert [number_of(text) for text in ("90 s", "3:12 min", "1:02:03", "0:05.5")] == [90, 192, 3723, 5.5]
    assert [number_of(text) for text in ("512 B", "1.5 KiB", "2 MiB", "929 k", "1.3 M")] == [512, 1536, 2**21, 929e3, 1.3e6]
    assert [number_of(text) for text in ("1.07:1", "2:1", "16:9")] == [1.07, 2, 16]
    assert number_of("-inf") == -np.inf and number_of("<0.5 %") == 0.5 and number_of("5 10") == 5
    assert [number_of(text) for text in ("", "–", "yes", "a 1")] == [None] * 4


def test_columns_of_numbers_are_told_from_others():
    text = html(Page("t", "", parts=[Table("t", ["n", "w"], [["2.5 ms", "x"], ["–", "3"], ["-inf", "4"]])]))
    assert re.findall(r'data-value="([^"]+)"', text) == ["0.0025", "-Infinity"]
    assert text.count('class="number"') == 4


def test_a_table_may_be_empty():
    assert "<tbody>" in html(Page("t", "", parts=[Table("t", ["a", "b"], [])]))


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_thinning_keeps_extremes_and_gaps(seed, x_log):
    rng = np.random.default_rng(seed)
    x, y = np.sort(rng.uniform(1, 1000, 20_000)), rng.standard_normal(20_000)
    y[5000:9000] = np.nan
    few, values = thinned(x, y, x_log)
    assert len(few) <= 3 * COLUMNS and np.all(np.diff(few) >= 0)
    assert np.nanmin(values) == np.nanmin(y) and np.nanmax(values) == np.nanmax(y)
    assert np.isnan(values).any() and set(few) <= set(x)


def test_short_lines_stay_and_what_is_not_finite_is_a_gap():
    x = np.arange(10.0)
    assert thinned(x, x)[0] is x
    assert rounded(np.array([1.23456, np.nan, -np.inf]), 3) == [1.23, None, None]
