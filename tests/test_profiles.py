"""Profiles: what they say is what one gets, and everything wrong in them is named with its line."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fxlab import profiles
from fxlab.errors import UsageError
from fxlab.settings import Profile

in_one_folder = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def fields(*kinds):
    """(section, field, default) of every setting of these types that is in a table of its own."""
    for section in profiles._SECTIONS:
        default = getattr(Profile(), section)
        for known in dataclasses.fields(default):
            if type(getattr(default, known.name)) in kinds:
                yield section, known, getattr(default, known.name)


PACKAGED = sorted(path.stem for path in profiles._folders()[1][0].glob("*.toml"))
NUMBERS = list(fields(int, float))
NAMED = list(fields(int, float, str, bool, list, dict))


def accepted(known, default):
    """A strategy of values that the setting takes."""
    low, high, choices = (known.metadata[key] for key in ("low", "high", "choices"))
    if choices:
        return st.sampled_from(choices)
    if known.metadata["accepts"]:
        return st.sampled_from(["90s", "3min", "2:30"])
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, int):
        return st.integers(low, high)
    if isinstance(default, float):
        return st.floats(low, high)
    return st.text(alphabet="ab 'é#=[]", max_size=8)


@st.composite
def documents(draw):
    """Some settings, at most one value each, and the TOML that says so."""
    chosen = draw(
        st.lists(
            st.sampled_from(list(fields(int, float, str, bool))), unique_by=lambda item: (item[0], item[1].name), max_size=12
        )
    )
    wanted: dict = {}
    for section, known, default in chosen:
        wanted.setdefault(section, {})[known.name] = draw(accepted(known, default))
    lines = []
    for section, values in wanted.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    return wanted, "\n".join(lines)


@pytest.fixture(autouse=True)
def no_profiles_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def write(tmp_path):
    def _write(text, name="mine.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


@in_one_folder
@given(documents())
def test_a_profile_changes_what_it_says_and_nothing_else(write, document):
    wanted, text = document
    expected = Profile()
    for section, values in wanted.items():
        setattr(expected, section, dataclasses.replace(getattr(expected, section), **values))
    assert profiles.load(write(text)) == expected


@in_one_folder
@given(st.sampled_from(NAMED), st.data(), st.integers(0, 5))
def test_a_typo_is_named_with_its_line_and_the_nearest_setting(write, item, data, blank):
    section, known, _ = item
    at = data.draw(st.integers(0, len(known.name)))
    typo = known.name[:at] + "x" + known.name[at:]
    path = write("# comment\n" * blank + f"[{section}]\n{typo} = 1\n")
    with pytest.raises(UsageError) as caught:
        profiles.load(path)
    assert f"{path}, line {blank + 2}: " in caught.value.message
    assert f"'{typo}' in [{section}]" in caught.value.message
    assert f"'{known.name}'" in caught.value.hint or known.name in caught.value.hint.split(": ")[-1]


@pytest.mark.parametrize("item", NUMBERS, ids=lambda item: f"{item[0]}.{item[1].name}")
def test_every_number_is_checked_against_its_range(write, item):
    section, known, _ = item
    for value in (known.metadata["low"] - 1, known.metadata["high"] + 1, "nan", "inf", "10000000000000000000000000000"):
        with pytest.raises(UsageError, match=f"line 2: {known.name} .*"):
            profiles.load(write(f"[{section}]\n{known.name} = {value}\n"))
    for value in (known.metadata["low"], known.metadata["high"]):
        assert getattr(getattr(profiles.load(write(f"[{section}]\n{known.name} = {value}\n")), section), known.name) == value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[train]\nepochs = 'many'\n", 2, "whole number"),
        ("[train]\nepochs = 1.5\n", 2, "whole number"),
        ("[train]\nmixed_precision = 1\n", 2, "true or false"),
        ("[train]\ndevice = 'gpu'\n", 2, "device"),
        ("[bench]\nbuffers = [64, 0]\n", 2, "out of range"),
        ("[bench]\nbuffers = [64, 1.5]\n", 2, "whole numbers"),
        ("[bench]\nbuffers = []\n", 2, "empty"),
        ("[bench]\nbuffers = [[64]]\n", 2, "whole numbers"),
        ("\ntrain = 3\n", 2, "must be a table"),
        ("\nepochs = 3\n", 2, "unknown setting 'epochs'"),
        ("description = 3\n", 1, "description must be text"),
        ("\n\neffects = 'saturator'\n", 3, "list of tables"),
        ("[[effects]]\nengine = 'numba'\n", 1, "has no name"),
        ("[[effects]]\nname = 'saturator'\n\n[effects.set]\ndrive_db = 999\n", 5, "drive_db = 999 is out of range"),
        ("[[effects]]\nname = 'saturator'\nset = {drive_bd = 3}\n", 3, "no parameter 'drive_bd'"),
        ("[[effects]]\nname = 'eq'\n[[effects]]\nname = 'saturator'\nset.nope = 1\n", 5, "no parameter 'nope'"),
        ("[train]\nepochs = 1\nepochs = 2\n", 3, "not valid TOML"),
        ("[train\n", 1, "not valid TOML"),
        ("[[effects]]\nname = 'saturater'\n", 2, "no effect or model 'saturater'"),
        ("[render]\ntail = 'banana'\n", 2, "isn't a length of time"),
        ("[dataset]\nsynthesize = '3 apples'\n", 2, "isn't a length of time"),
        ("[dataset]\ngrid = {drive_db = 3}\n", 2, "needs a list of values"),
        ("[dataset]\nrandom = {bias = [1]}\n", 2, "needs [low, high]"),
        ("[dataset]\nrandom = {bias = [0, 'x']}\n", 2, "needs [low, high]"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, text, line, says):
    path = write(text)
    with pytest.raises(UsageError) as caught:
        profiles.load(path)
    assert caught.value.message.startswith(f"{path}, line {line}: ")
    assert says in caught.value.message


def test_a_setting_in_the_wrong_place_is_told_where_it_belongs(write):
    with pytest.raises(UsageError) as caught:
        profiles.load(write("epochs = 3\n"))
    assert "[train]" in caught.value.hint


def test_parameters_of_a_model_file_are_left_to_the_model(write):
    profile = profiles.load(write("[[effects]]\nname = 'amp.onnx'\nset = {anything = 3}\n"))
    assert profile.effects[0].set == {"anything": 3}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bytes(range(256)), "not UTF-8"),
        ("x = 'é'".encode("latin-1"), "not UTF-8"),
        ("a = 1\n".encode("utf-16"), "not UTF-8"),
        (b"\0" * 100, "not valid TOML"),
        (b"# \n" * 200_000, "too large"),
        (b"a = " + b"9" * 5000, "not valid TOML|unknown setting"),
        (b"a = " + b"[" * 50_000, "not valid TOML"),
    ],
)
def test_a_hostile_file_is_one_usage_error(write, content, says):
    with pytest.raises(UsageError, match=says):
        profiles.load(write(content))


def test_a_missing_file_a_folder_and_an_unknown_name_are_usage_errors(tmp_path):
    for name in (tmp_path, tmp_path / "none.toml", "none.toml", "", ".", "..", "a/b"):
        with pytest.raises(UsageError):
            profiles.load(name)
    with pytest.raises(UsageError) as caught:
        profiles.load("saturatr")
    assert "'saturator'" in caught.value.hint


def test_empty_files_and_a_byte_order_mark_are_fine(write):
    assert profiles.load(write(b"")) == Profile()
    assert profiles.load(write(b"\xef\xbb\xbf[train]\r\nepochs = 3\r\n")).train.epochs == 3


def test_flag_over_profile_over_default(write):
    train = profiles.load(write("[train]\nepochs = 7\nbatch_size = 3\n")).train
    train = profiles.override(train, epochs=9, batch_size=None)
    assert (train.epochs, train.batch_size, train.segment) == (9, 3, Profile().train.segment)
    with pytest.raises(UsageError, match="epochs"):
        profiles.override(train, epochs=0)


@pytest.mark.parametrize("name", PACKAGED)
def test_every_packaged_profile_is_sound_and_describes_itself(name):
    assert profiles.read(profiles.find(name)).problems == []
    assert len(profiles.load(name).description) > 10


def test_the_profile_that_the_readme_shows_is_sound(write):
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    shown = [text for text in blocks if "[project" not in text]  # of a package that adds something
    assert shown and all(profiles.read(write(text)).problems == [] for text in shown)


def test_a_users_profile_hides_the_packaged_one_and_a_broken_one_hides_nothing_else(tmp_path):
    folder = tmp_path / "config" / "fxlab" / "profiles"
    folder.mkdir(parents=True)
    (folder / "saturator.toml").write_text("description = 'mine'\n[train]\nepochs = 3\n")
    (folder / "broken.toml").write_text("[train\n")
    listed = {info.name: info for info in profiles.available()}
    assert (listed["saturator"].origin, listed["saturator"].description) == ("user", "mine")
    assert "can't be used" in listed["broken"].description
    assert listed["bitcrusher"].origin == "packaged"
    assert profiles.load("saturator").train.epochs == 3


def test_all_problems_are_found_in_the_order_of_the_file(write):
    reading = profiles.read(
        write("[train]\nepochz = 1\n[bench]\nruns = 0\n[[effects]]\nname = 'saturator'\nset.drive_db = 999\n")
    )
    assert [problem.line for problem in reading.problems] == [2, 4, 7]
