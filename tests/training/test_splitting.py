from __future__ import annotations

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import UsageError
from fxlab.training.splitting import assign

hashes = st.lists(st.integers(0, 10**6), min_size=1, max_size=60, unique=True).map(
    lambda numbers: [hashlib.sha256(str(n).encode()).hexdigest() for n in numbers]
)
shares = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45))


@given(hashes, shares, st.integers(0, 100))
def test_shares_are_met_as_closely_as_whole_sources_allow(found, held_out, seed):
    splits = assign(found, *held_out, seed)
    assert set(splits) == set(found)
    for name, share in {"train": 1 - sum(held_out), "validation": held_out[0], "test": held_out[1]}.items():
        count = list(splits.values()).count(name)
        assert count <= max(1, math.ceil(share * len(found) + 1e-9))
        assert (count == 0) or share > 0
        if share > 0 and len(found) >= 3:
            assert count >= 1
            assert count >= share * len(found) - 2 - 1e-9  # two splits at most take their minimum of one from another


@given(hashes, shares, st.integers(0, 100), st.randoms())
def test_order_and_repetition_change_nothing(found, held_out, seed, random):
    shuffled = found + found[:3]
    random.shuffle(shuffled)
    assert assign(shuffled, *held_out, seed) == assign(found, *held_out, seed)


def test_one_source_trains_and_a_second_validates():
    one, two = (hashlib.sha256(name).hexdigest() for name in (b"a", b"b"))
    assert assign([one], 0.1, 0.2, 0) == {one: "train"}
    assert sorted(assign([one, two], 0.1, 0.2, 0).values()) == ["train", "validation"]


def test_ten_sources_split_seven_one_two_and_differently_by_seed():
    found = [hashlib.sha256(bytes([i])).hexdigest() for i in range(10)]
    splits = [assign(found, 0.1, 0.2, seed) for seed in range(5)]
    for split in splits:
        assert sorted(split.values()) == ["test"] * 2 + ["train"] * 7 + ["validation"]
    assert any(split != splits[0] for split in splits[1:])


@pytest.mark.parametrize("held_out", [(0.5, 0.5), (0.9, 0.2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(held_out):
    with pytest.raises(UsageError):
        assign([], *held_out, 0)
