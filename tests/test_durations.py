from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.durations import parse_duration
from fxlab.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3min", 180),
        ("90s", 90),
        ("1h", 3600),
        ("2:30", 150),
        ("1:02:03.5", 3723.5),
        ("1h30min", 5400),
        (" 1 min 5 s ", 65),
        ("250ms", 0.25),
        (".5s", 0.5),
        ("7", 7),
        ("2M", 120),
    ],
)
def test_it_reads_what_people_write(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "abc", "3x", "-3s", "1:99", "3min foo", "nan", "inf", "1e3", "s", "3 4", "1:2:3:4", "٣s", "9999h"]
)
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(UsageError) as raised:
        parse_duration(text)
    assert text in raised.value.message and raised.value.hint


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(0, 59))
def test_a_clock_and_units_agree(hours, minutes, seconds):
    assert parse_duration(f"{hours}:{minutes}:{seconds:02d}") == parse_duration(f"{hours}h{minutes}min{seconds}s")


@given(st.text(max_size=20))
def test_no_text_does_more_than_raise_a_usage_error(text):
    with contextlib.suppress(UsageError):
        assert parse_duration(text) >= 0
