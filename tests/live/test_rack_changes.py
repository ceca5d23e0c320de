"""Changes and faults that come at bad moments: nothing is played twice, nothing is lost, nothing stays broken."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.errors import UsageError
from fxlab.live.program import LATEST, Program

_spec = importlib.util.spec_from_file_location("fxlab_tests_racks", Path(__file__).with_name("racks.py"))
racks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(racks)
BLOCK, FADE, RATE, WAYS, Rack = racks.BLOCK, racks.FADE, racks.RATE, racks.WAYS, racks.Rack
play, portable, program, roughness, sine = racks.play, racks.portable, racks.program, racks.roughness, racks.sine


@pytest.mark.parametrize("way", WAYS)
def test_a_change_that_is_taken_back_at_once_is_not_heard(way):
    """Space pressed twice within a block."""
    chain = ("eq", {"peak1_db": 9, "peak1_q": 8})
    wet, dry = program(chain), program()
    rack, plain = Rack(1, 1, 1, RATE, BLOCK, wet), Rack(1, 1, 1, RATE, BLOCK, program(chain))
    audio = sine(40 * BLOCK, 900.0)[None]

    def between(position):
        if position == 20 * BLOCK:
            rack.load(dry)
            rack.load(wet)

    assert np.array_equal(play(way(rack), rack, audio, [BLOCK], between), play(way(plain), plain, audio, [BLOCK]))
    assert not rack["coming"] and not rack["next"]


@pytest.mark.parametrize("way", WAYS)
def test_a_change_that_is_repeated_while_it_fades_plays_nothing_twice(way):
    """Space pressed three times in a row."""
    chain = ("eq", {"peak1_db": 9, "peak1_q": 8})
    wet, dry = program(chain), program()
    rack, plain = (Rack(1, 1, 1, RATE, BLOCK, program()) for _ in range(2))
    audio = sine(200 * BLOCK, 900.0)[None]

    def between(position):
        if position == 20 * BLOCK:
            rack.load(wet)
        if position == 21 * BLOCK:
            rack.load(dry)
            rack.load(wet)

    found = play(way(rack), rack, audio, [BLOCK], between)
    once = program(chain)
    expected = play(way(plain), plain, audio, [BLOCK], lambda position: plain.load(once) if position == 20 * BLOCK else None)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("way", WAYS)
def test_a_state_that_was_poisoned_is_begun_anew(way):
    """A device that gives nonsense for a moment: an equaliser's registers overflow, and it plays again after its rest."""
    rack = Rack(1, 1, 1, RATE, BLOCK, program(("eq", {"peak1_db": 18})))
    audio = sine(60 * BLOCK + RATE)[None].copy()
    audio[0, 5 * BLOCK : 6 * BLOCK] = np.float32(3.4e38)
    play(way(rack), rack, audio, [BLOCK])
    assert rack["faults"] >= 1 and rack["dropped"] == 0 and rack["position"] == audio.shape[1]
    assert rack["faults"] <= 2


@pytest.mark.parametrize("way", WAYS)
def test_a_program_after_a_poisoned_one_does_not_inherit_it(way):
    rack = Rack(1, 1, 1, RATE, BLOCK, program(("eq", {"peak1_db": 18})))
    audio = sine(30 * BLOCK)[None].copy()
    audio[0, 5 * BLOCK : 6 * BLOCK] = np.float32(3.4e38)
    play(way(rack), rack, audio, [BLOCK], lambda at: rack.load(program(("eq", {"peak1_db": 3}))) if at == 8 * BLOCK else None)
    assert rack["faults"] == 1 and rack["dropped"] == 0 and rack["current"] == rack.program.address


@pytest.mark.parametrize("way", WAYS)
def test_a_gain_cannot_make_infinity(way):
    rack = Rack(1, 1, 1, RATE, BLOCK, program(("eq", {}), gain_db=24.0))
    audio = np.full((1, 4 * BLOCK), 1e38, np.float32)
    assert np.isfinite(play(way(rack), rack, audio, [BLOCK])).all()


class Late(Processor):
    """The sound, late; fails in some of its blocks."""

    def __init__(self, late, bad=()):
        super().__init__()
        self._late, self.bad, self.blocks = late, bad, -2

    def _allocate(self):
        self.latency = self._late
        self._state["line"] = np.zeros((self.channels, self._late), np.float32)

    def _run(self, block, out):
        self.blocks += 1
        if self.blocks in self.bad:
            raise ZeroDivisionError
        both = np.concatenate([self._state["line"], block], axis=1)
        out[:] = both[:, : block.shape[1]]
        self._state["line"][:] = both[:, block.shape[1] :]


def test_a_change_during_a_rest_does_not_jump_though_it_is_not_as_late():
    rack = Rack(1, 1, 1, RATE, BLOCK, Program([Late(100, {10})], ["late"], RATE, 1, BLOCK))
    soon = Program([Late(0)], ["soon"], RATE, 1, BLOCK)
    audio = sine(60 * BLOCK, 120.0)[None]
    found = play(portable(rack), rack, audio, [BLOCK], lambda at: rack.load(soon) if at == 25 * BLOCK else None)[0]
    assert rack["faults"] == 1 and roughness(found) < 1.2 * roughness(audio[0])
    assert np.array_equal(found[-20 * BLOCK :], audio[0, -20 * BLOCK :])


def test_the_dry_signal_is_remembered_for_as_long_as_a_program_may_be_late():
    audio = np.random.default_rng(0).uniform(-1, 1, (1, LATEST + 3000)).astype(np.float32)
    rack = Rack(1, 1, 1, RATE, BLOCK, program(latency=LATEST))
    assert np.array_equal(play(portable(rack), rack, audio, [BLOCK])[0, LATEST:], audio[0, :3000])
    with pytest.raises(UsageError, match="too late"):
        Program([Late(LATEST + 1)], ["late"], RATE, 1, BLOCK)
