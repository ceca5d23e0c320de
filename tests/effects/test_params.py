"""Parameters: every declared value is accepted, everything else is refused with a way out."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.effects.params import Choice, FileParam, Param, defaults, resolve
from fxlab.errors import UsageError

DRIVE = Param("drive_db", 12, -24, 48, "dB", "Gain before the curve.", "db")
OVERSAMPLE = Choice("oversample", 1, (1, 2, 4, 8), "Oversampling.")
LOWPASS = Choice("lowpass", "one-pole", ("one-pole", "biquad", "off"), "Low-pass.")
DITHER = Choice("dither", False, (False, True), "Dither.")
IR = FileParam("ir", "cabinet", ("cabinet", "plate"), "Impulse response.")
ALL = (DRIVE, OVERSAMPLE, LOWPASS, DITHER, IR)


@given(st.floats(-24, 48))
def test_a_number_in_range_survives_as_number_and_as_text(value):
    assert DRIVE.parse(value) == value
    assert DRIVE.parse(repr(value)) == value


@given(st.one_of(st.floats(max_value=-24.001), st.floats(min_value=48.001), st.just(math.nan)))
def test_out_of_range_and_not_a_number_name_the_range(value):
    for given_value in (value, repr(value)):
        with pytest.raises(UsageError, match="out of range") as caught:
            DRIVE.parse(given_value)
        assert "-24 .. 48 dB" in caught.value.hint


@pytest.mark.parametrize("value", ["loud", "", True, None, [1], "1e", {}])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(UsageError, match="must be a number"):
        DRIVE.parse(value)


@pytest.mark.parametrize("choice", [OVERSAMPLE, LOWPASS, DITHER])
def test_each_option_survives_as_itself_and_as_text(choice):
    for option in choice.options:
        assert choice.parse(option) == option
        assert choice.parse(str(option)) == option
        assert type(choice.parse(str(option).upper())) is type(option)


@pytest.mark.parametrize(
    ("choice", "value"), [(OVERSAMPLE, 3), (OVERSAMPLE, True), (LOWPASS, "brick"), (DITHER, 1), (LOWPASS, None)]
)
def test_other_settings_are_refused_with_the_list(choice, value):
    with pytest.raises(UsageError) as caught:
        choice.parse(value)
    assert choice.range_text in caught.value.hint


def test_a_file_is_kept_as_it_was_given(tmp_path, monkeypatch):
    (tmp_path / "cab.wav").touch()
    (tmp_path / "plate").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given_value in ("cab.wav", str(tmp_path / "cab.wav"), os.path.join(".", "plate"), *IR.built_in):
        assert IR.parse(given_value) == given_value == IR.parse(IR.parse(given_value))
    assert IR.parse(Path("cab.wav")) == "cab.wav"
    assert Path(IR.parse("~/cab.wav")) == tmp_path / "cab.wav"


@pytest.mark.parametrize("value", ["", " ", None, 3, 1.5, True, ["cab.wav"], {}])
def test_what_is_no_file_name_is_refused(value):
    with pytest.raises(UsageError, match="ir must name a file") as caught:
        IR.parse(value)
    assert IR.range_text in caught.value.hint


def test_a_file_that_is_not_there_or_is_none(tmp_path):
    with pytest.raises(UsageError, match="no file .*cab.wav") as caught:
        IR.parse(tmp_path / "cab.wav")
    assert "cabinet, plate" in caught.value.hint
    with pytest.raises(UsageError, match="is a folder"):
        IR.parse(str(tmp_path))
    with pytest.raises(UsageError, match="no file"):
        IR.parse("cab\0.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions don't bind this user")
def test_a_file_that_can_not_be_read(tmp_path):
    (tmp_path / "cab.wav").touch(mode=0)
    with pytest.raises(UsageError, match="can't be read"):
        IR.parse(tmp_path / "cab.wav")


def test_resolving_fills_in_defaults_and_keeps_the_declared_order():
    assert resolve(ALL, {}, "demo") == defaults(ALL)
    assert list(resolve(ALL, {"dither": "true", "drive_db": "3"}, "demo")) == [parameter.name for parameter in ALL]
    assert resolve(ALL, {"dither": "true", "drive_db": "3"}, "demo") == {**defaults(ALL), "dither": True, "drive_db": 3.0}


@given(st.sampled_from(ALL), st.data())
def test_a_dropped_letter_is_answered_with_the_right_name(parameter, data):
    at = data.draw(st.integers(0, len(parameter.name) - 1))
    typo = parameter.name[:at] + parameter.name[at + 1 :]
    with pytest.raises(UsageError, match=f"demo has no parameter '{typo}'") as caught:
        resolve(ALL, {typo: 1}, "demo")
    assert f"'{parameter.name}'" in caught.value.hint
