"""Files from elsewhere are read within bounds."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import InputError
from fxlab.formats.json_file import _depth, read_json

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def depth(value):
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(st.dictionaries(st.text(), plain, max_size=3), st.booleans())
def test_objects_come_back_and_depth_is_counted_outside_of_strings(tmp_path_factory, value, ascii_only):
    path = tmp_path_factory.mktemp("json") / "x.json"
    text = json.dumps(value, ensure_ascii=ascii_only)
    try:
        path.write_text(text, encoding="utf-8")
    except UnicodeEncodeError:  # lone surrogates
        return
    assert _depth(text.encode()) == depth(value)
    assert read_json(path, "") == value


@given(st.binary(max_size=60))
def test_anything_else_is_refused_or_an_object(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("json") / "x.json"
    path.write_bytes(data)
    try:
        assert isinstance(read_json(path, "hint"), dict)
    except InputError as error:
        assert error.hint == "hint"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[1]",
        b"NaN",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1',
        b'{"a": 1}}',
        b"\xff\xfe{\x00}\x00",
        b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a": ' + b"[" * 1_000_000,
        b'{"\\"": ' + b'{"\\\\":' * 100 + b"0" + b"}" * 101,
    ],
)
def test_what_is_no_bounded_object_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_json(path, "")


def test_folders_and_absent_files_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(InputError):
            read_json(path, "")


def test_huge_files_are_refused_unparsed(tmp_path):
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    tracemalloc.start()
    with pytest.raises(InputError):
        read_json(path, "")
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()
