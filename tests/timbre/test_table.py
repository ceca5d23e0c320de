"""Pitch from CSV files: what is read, and what is refused by the line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import InputError
from fxlab.timbre.table import read_csv

NOTHING = np.zeros(1, np.float32)


def _read(tmp_path, text: str | bytes):
    file = tmp_path / "pitch.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(file)


@pytest.mark.parametrize(
    "text",
    [
        "0,220,0.9\n0.01,0,0.9\n0.02,230,0.2\n",
        "time,frequency,confidence\n0,220,0.9\n0.01,-210,0.9\n0.02,230,0.2\n",
        "\ufeff# by hand\ntimestamp;pitch_hz;confidence;voiced\r\n\r\n0;220;0.9;true\r\n0.01;nan;0.9;false\r\n0.02;230;0.2;\r\n",
        "0\t220\t.9\n0.01\t\t0\n0.02\t230\t2e-1",
    ],
)
def test_forms_that_are_read(tmp_path, text):
    pitch = _read(tmp_path, text)(NOTHING, 44_100)
    assert pitch.times_s.tolist() == [0, 0.01, 0.02]
    assert pitch.f0_hz.tolist() == [220, 0, 230]
    assert pitch.confidence.tolist() == [0.9, 0, 0.2]
    assert pitch.voiced.tolist() == [True, False, False]


def test_without_confidence_every_pitch_counts(tmp_path):
    assert _read(tmp_path, "0,220\n0.5,0\n1,440\n").pitch.voiced.tolist() == [True, False, True]


def test_its_name_is_its_content(tmp_path):
    first, again, other = _read(tmp_path, "0,220"), _read(tmp_path, "0,220"), _read(tmp_path, "0,221")
    assert first.name == again.name != other.name
    assert first.name.startswith("csv ")


@pytest.mark.parametrize(
    "text, said",
    [
        ("time,f0\n0,220\nsoon,220\n", "line 3: 'soon' is not a time"),
        ("-1,220\n", "line 1: '-1' is not a time"),
        ("inf,220\n", "line 1: 'inf' is not a time"),
        ("0,220\n0.1,A4\n", "line 2: 'A4' is not a frequency"),
        ("0,220\n0.1\n", "line 2 has one column"),
        ("0,220\n\n0,230\n", "line 3: 0 s doesn't come after 0 s"),
        ("0,inf\n", "line 1: inf Hz is out of range"),
        ("0,3\n", "line 1: 3 Hz is out of range"),
        ("0,220,90\n", "line 1: '90' is not a confidence"),
        ("0,220,high\n", "line 1: 'high' is not a confidence"),
        ("0,220,nan\n", "line 1: 'nan' is not a confidence"),
        ("time,f0\nseconds,hertz\n0,220\n", "line 2: 'seconds' is not a time"),
        ("0,0\n1,0\n", "has no pitch"),
        ("", "has no pitch"),
        (b"\xff\xd8\xff\xe0\x00", "is not a text file"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, said):
    with pytest.raises(InputError) as caught:
        _read(tmp_path, text)
    assert said in caught.value.message and caught.value.hint


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="can't be read"):
        read_csv(tmp_path / "none.csv")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        pitch = read_csv(file).pitch
    except InputError:
        return
    assert np.isfinite(pitch.times_s).all() and (np.diff(pitch.times_s) > 0).all() and (pitch.f0_hz >= 0).all()
