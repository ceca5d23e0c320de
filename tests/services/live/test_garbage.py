"""Python collects no garbage while audio plays: whatever a turned knob leaves behind must go by itself."""

from __future__ import annotations

import gc

import pytest

from fxlab.services.live.side import Format, Side
from fxlab.settings import EffectSettings


@pytest.mark.parametrize("names", [["saturator"], ["eq", "bitcrusher"], ["clipper", "tcn-nano"]])
def test_turning_knobs_leaves_nothing_for_the_collector(names):
    side = Side([EffectSettings(name) for name in names], Format(48_000, 1, 64, compiled=False))

    def turn(turns):
        for number in range(turns):
            for name in side.names:
                side.move(name, number * 0.618 % 1)
            assert side.refresh()

    turn(8)  # whatever is made once is there
    gc.collect()
    gc.collect()  # what other tests left behind may take two turns
    gc.disable()
    try:
        turn(4)
        assert gc.collect() == 0
    finally:
        gc.enable()
