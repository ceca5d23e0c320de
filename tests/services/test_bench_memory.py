"""Memory of processors that aren't fxlab's own is counted like that of those that are."""

import numpy as np

from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor
from fxlab.services import bench_memory


class Line:
    """A plug-in's own helper."""

    def __init__(self):
        self.table = np.zeros(30_000, np.float32)
        self.shared = self.table[10:]


class Foreign(Processor):
    def _allocate(self):
        self._state["s"] = np.zeros((1, 100), np.float32)
        self.line = Line()
        self.scratch = [np.zeros(20_000, np.float32)]
        self.elsewhere = np.random.default_rng(0)

    def _run(self, block, out):
        out[:] = block


def test_scratch_of_a_third_party_effect_is_counted_once():
    processor = Foreign()
    processor.prepare(48_000, 1, 64)
    held = 4 * (30_000 + 20_000)
    assert held <= bench_memory.block_bytes(processor, 64) < held + 4096
    assert bench_memory.state_bytes(processor) == 400


def test_and_so_it_is_within_a_chain():
    chain = Chain([Foreign(), Foreign()])
    chain.prepare(48_000, 1, 64)
    assert bench_memory.block_bytes(chain, 64) >= 2 * 4 * (30_000 + 20_000)
