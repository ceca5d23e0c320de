"""Kernels as stages: what is written down is what compiled code reads."""

import gc
import weakref

import numpy as np
import pytest
from numba import njit

from fxlab.kernels.stages import arguments_at, blocks_at, stage_of


@njit
def read(block, out, arguments):
    numbers, (small, yes, no, (first, second), nothing), rows, whole = arguments
    for channel in range(len(block)):
        for t in range(block.shape[1]):
            out[channel, t] = block[channel, t] + numbers[t % len(numbers)]
    out[0, 0] = small
    out[0, 1] = 1.0 if yes else 2.0
    out[0, 2] = 1.0 if no else 2.0
    out[0, 3] = first[1, 2]
    out[0, 4] = second
    out[0, 5] = rows[len(block)][-1]
    out[0, 6] = len(nothing)
    out[0, 7] = rows[0].size + whole
    rows[1][0] = 7.0


@njit
def play_read(at, frames, signature):
    block, out = blocks_at(at, frames)
    read(block, out, arguments_at(at, signature))


def test_nested_tuples_arrays_and_numbers(play_stage):
    rows = np.zeros(3), np.zeros(2), np.array([1.0, 2.0, 8.0, -5.0])
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    arguments = (np.array([10, 20], np.int32), (np.float32(0.1), True, False, (table, -2.5), ()), rows, 1 << 20)
    stage = stage_of(play_read, arguments, 2, 16)
    block = np.arange(20, dtype=np.float32).reshape(2, 10)
    out = play_stage(stage, block)
    expected = block + np.array([10, 20] * 5, np.float32)
    expected[0, :8] = np.float32(0.1), 1, 2, 5, -2.5, -5, 0, 3 + (1 << 20)
    np.testing.assert_array_equal(out, expected)
    assert rows[1].tolist() == [7, 0]  # the very arrays


@njit
def play_gain(at, frames, signature):
    block, out = blocks_at(at, frames)
    gain = arguments_at(at, signature)[0]
    for channel in range(len(block)):
        for t in range(frames):
            out[channel, t] = gain * block[channel, t]


def test_a_stage_takes_blocks_up_to_its_largest(play_stage):
    stage = stage_of(play_gain, (3.0,), 2, 100)
    for frames in (1, 7, 100):
        block = np.random.default_rng(frames).standard_normal((2, frames)).astype(np.float32)
        np.testing.assert_array_equal(play_stage(stage, block), 3 * block)


@pytest.mark.parametrize(
    "argument", [np.zeros((4, 4)).T, np.zeros(8)[::2], (1, np.zeros((3, 2), order="F")), "text", None, {1: 2}]
)
def test_what_cannot_be_written_down_is_refused(argument):
    with pytest.raises((TypeError, ValueError)):
        stage_of(play_gain, (argument,), 1, 16)


def test_a_stage_keeps_its_arrays_and_its_owner_alive():
    class Owner:
        pass

    owner, array = Owner(), np.zeros(5)
    stage = stage_of(play_gain, (2.0, array), 1, 16, owner)
    alive = weakref.ref(owner), weakref.ref(array)
    del owner, array
    gc.collect()
    assert all(one() is not None for one in alive)
    del stage
    gc.collect()
    assert all(one() is None for one in alive)
