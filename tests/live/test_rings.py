"""Queues: what goes in comes out, in order, whatever the sizes; what finds no room is counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.live.rings import Ring
from fxlab.live.rings_kernel import give, take


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 90)), max_size=60))
def test_it_is_a_queue_from_either_side(steps):
    ring, expected, counter, lost = Ring(2, 128), [], 0, 0
    for writes, compiled, frames in steps:
        if writes:
            block = np.arange(counter, counter + frames, dtype=np.float32) + np.array([[0.0], [1000.0]], np.float32)
            if compiled:
                give(ring.address, block)
                lost += max(0, frames - (128 - len(expected)))
                block = block[:, : 128 - len(expected)]
            else:
                block = np.ascontiguousarray(block[:, : ring.room])
                ring.push(block)
            expected += block[0].tolist()
            counter += frames
        else:
            wanted, expected = expected[:frames], expected[frames:]
            if compiled:
                found = np.full((2, frames), np.nan, np.float32)
                missing = take(ring.address, found)
                assert missing == frames - len(wanted) and not found[:, len(wanted) :].any()
                found, lost = found[:, : len(wanted)], lost + missing
            else:
                found = ring.pull(frames)
            assert found[0].tolist() == wanted and np.array_equal(found[1], found[0] + 1000)
    assert ring.waiting == len(expected) and ring.lost == lost and ring.room == ring.size - len(expected)


def test_mono_goes_into_all_channels():
    ring = Ring(3, 16)
    give(ring.address, np.ones((1, 5), np.float32))
    assert ring.pull(9).shape == (3, 5)
