"""Line numbers of TOML keys, on random documents whose keys are unique words, and on the awkward corners of the syntax."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import UsageError
from fxlab.toml import key_lines, parse

SCALARS = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "1979-05-27 07:32:00",
        "'a # ] }'",
        '"b \\" = [ { "',
        '"""two\nlines ]\n\\""" # no"""',
        "'''x\n''y''\n'''",
        "''",
    ]
)


@st.composite
def values(draw, new_key, depth=0):
    kind = draw(st.sampled_from(["scalar"] * 3 + ["array", "inline"] * (depth < 2)))
    if kind == "scalar":
        return draw(SCALARS)
    items = range(draw(st.integers(0, 3)))
    if kind == "inline":
        return "{" + ", ".join(f"{new_key()} = {draw(values(new_key, depth + 1))}" for _ in items) + "}"
    space = draw(st.sampled_from(["", " ", "\n", "\n # [comment], = \n  "]))
    return "[" + ",".join(f"{space}{draw(values(new_key, depth + 1))}{space}" for _ in items) + "]"


@st.composite
def documents(draw):
    counter = itertools.count()

    def new_key():
        word = f"k{next(counter)}z"
        return draw(st.sampled_from([word, f'"{word}"', f"'{word}'", f"{new_key()} . {word}" if draw(st.booleans()) else word]))

    def pairs():
        text = ""
        for _ in range(draw(st.integers(0, 3))):
            text += f"{draw(st.sampled_from(['', '  ', chr(10)]))}{new_key()} = {draw(values(new_key))}"
            text += draw(st.sampled_from(["\n", " # a = [comment]\n", "\n\n"]))
        return text

    text, arrays = pairs(), []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["table", "array", "again", "below"]))
        if kind in ("again", "below") and arrays:
            name = draw(st.sampled_from(arrays))
            text += f"[[ {name} ]]\n" if kind == "again" else f"[{name}.{new_key()}]\n"
        else:
            name = new_key()
            if kind == "array":
                arrays.append(name)
            text += f"[[{name}]]\n" if kind == "array" else f"[ {name} ] # [x]\n"
        text += pairs()
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


def paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


@given(documents())
def test_every_key_of_the_document_has_the_line_it_stands_on(text):
    lines = key_lines(text)
    assert set(lines) == set(paths(parse(text)))
    written = text.replace("\r\n", "\n").split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str):
            first = next(number for number, content in enumerate(written, 1) if path[-1] in content)
            assert line == first, path


def test_arrays_of_tables_and_their_sub_tables():
    text = (
        '# head\n[[effects]]\nname = "a"\n[effects.set]\nx = 1\n\n[[effects]]\n[effects.set]\nx = 2\n'
        "[train]\nsizes = [\n  1,\n  2, # two\n]\n"
    )
    lines = key_lines(text)
    assert lines["effects", 0, "set", "x"] == 5
    assert lines["effects", 1] == 7
    assert lines["effects", 1, "set", "x"] == 9
    assert lines["train", "sizes", 1] == 13


def test_escaped_and_quoted_keys_are_named_as_parsed():
    text = '"a\\u0062" = 1\n"x.y".\'z w\' = 2\n'
    assert key_lines(text) == {("ab",): 1, ("x.y",): 2, ("x.y", "z w"): 2}


@pytest.mark.parametrize(("text", "line"), [("a = \n", 1), ("a = 1\nb = [1\n", None), ("a = 1\n\na = 2\n", 3), ("[a]\n[a]\n", 2)])
def test_invalid_toml_names_the_line(text, line):
    with pytest.raises(UsageError, match="not valid TOML") as caught:
        parse(text)
    if line:
        assert caught.value.message.startswith(f"line {line}: ")


def test_deep_nesting_is_an_error_not_a_crash():
    with pytest.raises(UsageError, match="nested too deeply|not valid"):
        parse("a = " + "[" * 100_000)
