"""A network's knobs are turned while the rack plays it: it moves there, and forgets nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.engines.loader import open_processor
from fxlab.live.program import Program

_spec = importlib.util.spec_from_file_location("fxlab_tests_racks", Path(__file__).with_name("racks.py"))
racks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(racks)
BLOCK, RATE, WAYS, Rack, play, sine = racks.BLOCK, racks.RATE, racks.WAYS, racks.Rack, racks.play, racks.sine


@pytest.mark.parametrize("way", WAYS)
def test_a_turned_knob_moves_from_where_it_stands(way):
    audio = sine(40 * BLOCK)[None]
    turned, plain = (open_processor("tcn-knobs", {"drive_db": 6.0}).processor for _ in range(2))
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([turned], ["tcn-knobs"], RATE, 1, BLOCK))
    plain.prepare(RATE, 1, BLOCK)
    found = play(way(rack), rack, audio, [BLOCK], lambda at: turned.set(drive_db=20.0) if at == 20 * BLOCK else None)
    expected = np.empty_like(audio)
    for start in range(0, audio.shape[1], BLOCK):
        if start == 20 * BLOCK:
            plain.set(drive_db=20.0)
        block = audio[:, start : start + BLOCK].copy()
        plain.process(block, out := np.empty_like(block))
        expected[:, start : start + BLOCK] = out
    assert np.abs(found - expected).max() < 1e-5


class Failing(Processor):
    """The sound as it is, but for one block that raises."""

    bad = False

    def _allocate(self):
        pass

    def _run(self, block, out):
        if self.bad:
            self.bad = False
            raise ZeroDivisionError
        out[:] = block


def test_a_fault_leaves_knobs_where_they_were_turned():
    failing, network = Failing(), open_processor("tcn-knobs", {"drive_db": 6.0}).processor
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([failing, network], ["failing", "tcn-knobs"], RATE, 1, BLOCK))

    def between(at):
        if at == 5 * BLOCK:
            network.set(drive_db=20.0)
        failing.bad = at == 10 * BLOCK

    play(racks.portable(rack), rack, sine(80 * BLOCK)[None], [BLOCK], between)
    assert rack["faults"] == 1 and rack["dropped"] == 0 and network.values["drive_db"] == 20.0
