from __future__ import annotations

import math

import pytest

from fxlab.progress import silent
from fxlab.services import batch


def test_results_come_in_the_order_of_the_calls():
    said: list[float] = []
    calls, names = [(2.0, 3.0), (3.0, 2.0)], ["a", "b"]
    found = batch.in_parallel(math.pow, calls, names, 2, lambda task, done, total, **fields: said.append(done), "Raising")
    assert found == [8.0, 9.0] and said == [0, 1, 2]


def test_what_a_call_raises_ends_the_batch():
    with pytest.raises(ValueError):
        batch.in_parallel(math.sqrt, [(4.0,), (-1.0,)], ["a", "b"], 2, silent, "Rooting")


def test_a_call_says_how_far_it_is():
    said: list[tuple[float, str]] = []

    def half(number, progress):
        progress(0.5)
        return number / 2

    found = batch.in_turn(half, [(2,), (4,)], ["a", "b"], lambda task, done, total, file="": said.append((done, file)), "Halving")
    assert found == [1, 2] and said == [(0.5, "a"), (1.5, "b"), (2, "")]


def test_clearing_up_takes_only_what_has_the_token(tmp_path):
    for name in (".fxlab-mine-a.wav", ".fxlab-mine.2-b.wav", ".fxlab-yours-a.wav", "a.wav"):
        (tmp_path / name).touch()
    batch.clear_up({tmp_path}, "mine")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fxlab-yours-a.wav", "a.wav"]
