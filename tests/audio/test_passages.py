"""A part of a stream is what slicing the whole would give, however it is cut into blocks."""

import numpy as np
import pytest

from fxlab.audio.passages import passage


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
@pytest.mark.parametrize(("start", "frames"), [(0, 10), (3, 50), (95, 20), (200, 5), (0, 0)])
def test_a_passage_is_the_slice_filled_with_silence(block, start, frames):
    audio = np.random.default_rng(0).normal(size=(2, 100)).astype(np.float32)
    found = passage((audio[:, at : at + block] for at in range(0, 100, block)), start, frames)
    wanted = np.zeros((2, frames), np.float32)
    there = audio[:, start : start + frames]
    wanted[:, : there.shape[1]] = there
    assert np.array_equal(found, wanted) and found.dtype == np.float32


def test_no_more_is_read_than_needed():
    blocks = iter([np.ones((1, 10)), np.ones((1, 10)), np.ones((1, 10))])
    passage(blocks, 5, 10)
    assert len(list(blocks)) == 1


def test_of_nothing_there_is_no_passage():
    assert passage(iter(()), 0, 10) is None
