"""Segments: the right samples with their right past, in an order that depends on nothing but seed and epoch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fxlab.errors import InputError
from fxlab.training.data import Segments
from fxlab.training.pair import Pair

CONTEXT = 30


def ramp(frames, start=1, **kwargs):
    """A pair whose target is the negated input, so that every segment tells where it was cut."""
    x = np.arange(start, start + frames, dtype=np.float32)
    return Pair(x, -x, **kwargs)


@given(st.lists(st.tuples(st.integers(1, 300), st.booleans()), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 9))
def test_segments_line_up_with_their_context(takes, batch, epoch):
    pairs = [ramp(n, 1 + 1000 * i, from_rest=rest) for i, (n, rest) in enumerate(takes)]
    try:
        segments = Segments(pairs, 50, CONTEXT, seed=1)
    except InputError:
        assert all(n - (0 if rest else CONTEXT) < 50 for n, rest in takes)
        return
    for dry, target, _ in segments.epoch(epoch, batch):
        assert dry.shape[1:] == (1, CONTEXT + 50) and target.shape[1:] == (50,)
        assert torch.equal(dry[:, 0, CONTEXT:], -target)
        for row in dry[:, 0]:
            past, first = row[:CONTEXT], row[CONTEXT].item()
            take = int(first // 1000)
            expected = np.arange(first - CONTEXT, first)
            expected[expected < 1 + 1000 * take] = 0
            assert np.array_equal(past.numpy(), expected)
            assert pairs[take].from_rest or expected.min() > 0


@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 9), st.integers(0, 9))
def test_windows_follow_each_other_with_one_context_in_front(windows, batch, epoch, steps):
    segments = Segments([ramp(1000), ramp(525, 5001)], 50, CONTEXT, seed=1, windows=windows)
    whole = Segments([ramp(1000), ramp(525, 5001)], 50 * windows, CONTEXT, seed=1)
    given = list(segments.epoch(epoch, batch, steps))
    assert len(given) == (steps or segments.steps(batch)) and segments.steps(batch) == windows * whole.steps(batch)
    sequences = whole.epoch(epoch, batch, -(-len(given) // windows))
    for number, (dry, target, _) in enumerate(sequences):
        some = given[number * windows : (number + 1) * windows]
        length = 50 * len(some)
        assert torch.equal(torch.cat([x for x, _, _ in some], dim=-1), dry[..., : CONTEXT + length])
        assert torch.equal(torch.cat([y for _, y, _ in some], dim=-1), target[..., :length])
        assert [x.shape[-1] for x, _, _ in some] == [CONTEXT + 50] + [50] * (len(some) - 1)


def test_an_epoch_uses_every_segment_once():
    segments = Segments([ramp(1000), ramp(525, 5001)], 100, CONTEXT, seed=0)
    assert segments.count == 15
    starts = [y[0].item() for _, target, _ in segments.epoch(0, 3) for y in target]
    assert len(starts) == len(set(starts)) == 15


def test_order_depends_on_seed_and_epoch_only():
    def starts(seed, epoch):
        return [y[0].item() for _, t, _ in Segments([ramp(2000)], 50, CONTEXT, seed).epoch(epoch, 4) for y in t]

    assert starts(1, 2) == starts(1, 2)
    assert starts(1, 2) != starts(1, 3) and starts(1, 2) != starts(2, 2)


def test_steps_go_over_short_material_again():
    segments = Segments([ramp(220)], 100, CONTEXT, seed=0)
    batches = list(segments.epoch(0, 2, steps=7))
    assert len(batches) == 7 and all(len(target) == 2 for _, target, _ in batches)


def test_too_short_material_is_an_error():
    with pytest.raises(InputError):
        Segments([ramp(99)], 100, CONTEXT, seed=0)
    with pytest.raises(InputError):
        Segments([ramp(120, from_rest=False)], 100, CONTEXT, seed=0)
    with pytest.raises(InputError, match="as long as 3 windows"):
        Segments([ramp(299)], 100, CONTEXT, seed=0, windows=3)
