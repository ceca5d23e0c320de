"""JSON of our own."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import OutputError
from fxlab.formats.plain_json import plain, text_of, write_json

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(JSON_LIKE)
def test_any_value_is_strict_json_and_finite_values_survive(value):
    back = json.loads(text_of(value))
    assert back == plain(value)
    if "nan" not in repr(value) and "inf" not in repr(value):
        assert back == value


def test_what_json_has_no_word_for_is_said_otherwise(tmp_path):
    value = {
        "nan": math.nan,
        1: (np.float32(0.5), -math.inf),
        "array": np.array([1.0, np.nan]),
        "path": Path("a/b"),
        "yes": np.True_,
    }
    write_json(tmp_path / "made" / "x.json", value)
    text = (tmp_path / "made" / "x.json").read_text("utf-8")
    assert json.loads(text) == {"nan": None, "1": [0.5, None], "array": [1.0, None], "path": str(Path("a/b")), "yes": True}
    assert text.endswith("}\n") and plain(json.loads(text)) == json.loads(text)


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        write_json(tmp_path / "file" / "x.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
