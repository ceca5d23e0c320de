"""The chain: what amounts do to it, and that its file gives back exactly what was written."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.errors import InputError
from fxlab.mastering.chain import FORMAT, MAX_BYTES, Amounts, Chain, Peak, load

CHAIN = Chain(
    peaks=(Peak(100.0, 2.5, 0.7), Peak(3000.0, -1.25, 1.4)),
    tone={"high_shelf_db": 1.5},
    dynamics={"threshold_db": -20.0, "ratio": 2.0, "makeup_db": 1.0},
    width={"width": 1.4, "low_width": 0.5},
    loudness={"gain_db": 3.125, "ceiling_db": -1.0},
)


def test_stages_come_in_the_order_of_the_signal_and_only_those_that_do_something():
    assert [stage.name for stage in CHAIN.stages()] == ["eq", "compressor", "imager", "limiter"]
    assert Chain().stages() == [] and Chain(peaks=(Peak(100.0, 0.0, 1.0),)).stages() == []
    eq = CHAIN.stages()[0].set
    assert eq["peak1_hz"] == 100.0 and eq["peak2_db"] == -1.25 and eq["high_shelf_db"] == 1.5
    assert [stage.name for stage in CHAIN.before_loudness().stages()] == ["eq", "compressor", "imager"]


def test_an_amount_of_nothing_leaves_a_stage_out_and_of_one_leaves_it_as_it_is():
    assert CHAIN.scaled(Amounts()) == CHAIN
    assert CHAIN.scaled(Amounts(0, 0, 0)).before_loudness() == Chain()
    assert not CHAIN.scaled(Amounts(tone=0)).peaks and CHAIN.scaled(Amounts(tone=0)).dynamics


def test_half_the_amount_is_half_the_decibels_half_the_slope_and_half_the_way_to_the_width():
    half = CHAIN.scaled(Amounts(0.5, 0.5, 0.5))
    assert [peak.gain_db for peak in half.peaks] == [1.25, -0.625] and half.tone == {"high_shelf_db": 0.75}
    assert half.dynamics["ratio"] == pytest.approx(1 / (1 - 0.25)) and half.dynamics["makeup_db"] == 0.5
    assert half.width == {"width": pytest.approx(1.2), "low_width": pytest.approx(0.75)}


def test_a_stage_that_a_file_names_is_played_and_scaled_whatever_the_file_tells_of_it(tmp_path):
    names = ("compressor", "limiter")
    stages = [{"effect": name, "set": {}} for name in names]
    (tmp_path / "chain.json").write_text(json.dumps({"format": FORMAT, "stages": stages}))
    found = load(tmp_path / "chain.json")
    assert [stage.name for stage in found.stages()] == list(names)
    assert found.scaled(Amounts(dynamics=0.5)).dynamics == {"ratio": pytest.approx(4 / 3), "makeup_db": 0.0}


def test_a_file_gives_back_the_chain(tmp_path):
    CHAIN.save(tmp_path / "chain.json", {"song": "a"})
    assert load(tmp_path / "chain.json") == CHAIN
    assert json.loads((tmp_path / "chain.json").read_text())["about"] == {"song": "a"}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(20, 20_000), st.floats(-24, 24).filter(bool), st.floats(0.1, 20)), max_size=10),
    st.floats(-60, 60),
)
def test_every_number_comes_back_to_the_last_bit(tmp_path_factory, bells, gain_db):
    path = tmp_path_factory.mktemp("chain") / "c.json"
    chain = Chain(tuple(Peak(*bell) for bell in bells), loudness={"gain_db": gain_db})
    chain.save(path, {})
    assert load(path) == chain


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"format": "fxlab master chain 1"}',
        '{"format": "fxlab master chain 2", "stages": []}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "ace", "set": {}}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "eq", "set": []}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "eq", "set": {"peak1_db": 99}}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "eq", "set": {"peak1_db": NaN}}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "eq", "set": {"nonsense": 1}}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "limiter", "set": {}}, {"effect": "eq", "set": {}}]}',
        '{"format": "fxlab master chain 1", "stages": [{"effect": "eq", "set": {}}, {"effect": "eq", "set": {}}]}',
        '{"format": "fxlab master chain 1", "stages": 3}',
        "[" * 100_000,
    ],
)
def test_what_is_no_chain_is_told_so(tmp_path, text):
    path = tmp_path / "chain.json"
    path.write_text(text)
    with pytest.raises(InputError) as told:
        load(path)
    assert str(path) in told.value.message and told.value.hint


def test_a_file_that_is_no_chain_file_is_not_read_whole(tmp_path):
    (tmp_path / "large.json").write_bytes(b" " * (MAX_BYTES + 1))
    for path in (tmp_path / "large.json", tmp_path / "absent.json", tmp_path):
        with pytest.raises(InputError):
            load(path)
