"""Which part of a recording counts, and what is heard before it."""

import numpy as np
import pytest

from fxlab.models.registry import architecture, build
from fxlab.training.pair import Pair, context_of

RAMP = np.arange(1, 101, dtype=np.float32)


@pytest.mark.parametrize(
    ("about", "context", "first", "silent"),
    [
        ({}, 30, 0, 30),
        ({"from_rest": False}, 30, 30, 0),
        ({"lead": 40}, 30, 40, 0),
        ({"lead": 40, "from_rest": False}, 30, 40, 0),
        ({"lead": 40}, 40, 40, 0),
        ({"lead": 10}, 30, 10, 20),
        ({"from_rest": False}, 200, 200, 0),
    ],
)
def test_the_first_judged_target_has_its_context_before_it(about, context, first, silent):
    heard, target = Pair(RAMP, -RAMP, **about).judged(context)
    assert np.array_equal(target, -RAMP[first:])
    assert not heard[:silent].any()
    assert len(target) == 0 or (len(heard) == context + len(target) and np.array_equal(heard[context:], -target))
    assert len(target) == 0 or np.array_equal(heard[silent:context], RAMP[max(0, first - context) : first])


def test_a_recurrent_network_starts_where_a_clip_does():
    recurrent, tcn = (build(architecture(name).config()) for name in ("gru", "tcn"))
    clips = [Pair(RAMP, RAMP, lead=40), Pair(RAMP, RAMP)]
    assert context_of(recurrent, clips) == 40 and context_of(recurrent, clips[1:]) == recurrent.receptive_field - 1
    assert context_of(tcn, clips) == tcn.receptive_field - 1


@pytest.mark.parametrize("delay", [-7, 0, 5, 60])
@pytest.mark.parametrize("about", [{}, {"from_rest": False}, {"lead": 40}, {"lead": 40, "from_rest": False}])
def test_a_delayed_target_is_judged_where_it_is_known(about, delay):
    """Every judged target is the input so many samples ago, or silence before a start from rest."""
    late = Pair(RAMP, RAMP, **about).delayed(delay)
    heard, target = late.judged(10)
    assert len(late.input) == len(late.target)
    now = heard[10:]
    known = now - delay >= 1
    assert np.array_equal(target[known], now[known] - delay) and not target[~known].any()
    assert known.all() or not about
