"""What the bench says about a processor's sound must be the processor's doing, not the measurement's."""

import numpy as np
import pytest

from fxlab.effects.processor import Processor
from fxlab.effects.registry import effect
from fxlab.services import likeness


def test_a_linear_filter_neither_distorts_nor_aliases_however_long_it_rings():
    found = likeness.character(effect("eq").processor(peak1_hz=40, peak1_q=20, peak1_db=24), 48_000)
    assert found.thd_db < -120 and found.aliasing_db < -120


def test_a_slow_dc_blocker_is_not_taken_for_aliasing():
    """8 times oversampled there is next to none; the onset of a 5 Hz high-pass still rings a quarter of a second later."""
    found = likeness.character(effect("saturator").processor(oversample="8", dc_block_hz=5), 48_000)
    assert found.aliasing_db < -140


class Wire(Processor):
    """Passes audio on and keeps what it heard since it was last prepared."""

    def __init__(self, rings):
        super().__init__()
        self.rings = rings

    def _allocate(self):
        self.tail = self.rings

    def _run(self, block, out):
        self.heard.append(block.copy())
        out[:] = block

    def prepare(self, sample_rate_hz, channels, max_block):
        self.tones = getattr(self, "tones", []) + [getattr(self, "heard", [])]
        self.heard = []
        super().prepare(sample_rate_hz, channels, max_block)
        self.heard = []


@pytest.mark.parametrize("rings", [(0, 60_000), (60_000, 0)])
def test_network_and_target_hear_the_same_tone(rings):
    network, target = Wire(rings[0]), Wire(rings[1])
    likeness.compare(network, target, np.ones((1, 100), np.float32), 48_000)
    heard = [
        max((np.concatenate(tone, axis=1) for tone in wire.tones if tone), key=np.count_nonzero) for wire in (network, target)
    ]
    assert heard[0].shape[1] > 60_000 + 24_000
    np.testing.assert_array_equal(*heard)
