"""A chain is one processor: its parts in a row, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.effects.bitcrusher import EFFECT as BITCRUSHER
from fxlab.effects.chain import Chain, chain_module
from fxlab.effects.processor import Processor, apply
from fxlab.errors import UsageError

RATE = 48_000


class Echo(Processor):
    """y[n] = x[n - delay] + 0.5 y[n - delay], written the slow and obvious way."""

    def __init__(self, delay: int, native_rate_hz: int | None = None) -> None:
        super().__init__()
        self.delay, self.native_rate_hz = delay, native_rate_hz

    def _allocate(self) -> None:
        self.latency, self.tail = self.delay, 20 * self.delay
        self._state = {"line": np.zeros((self.channels, self.delay))}

    def _run(self, block, out):
        line = self._state["line"]
        for i in range(block.shape[1]):
            new = block[:, i] + 0.5 * line[:, 0]
            out[:, i] = line[:, 0]
            line[:] = np.roll(line, -1, axis=1)
            line[:, -1] = new


def crusher(**settings):
    return BITCRUSHER.processor(**settings)


def stages():
    return crusher(bits=9), Echo(7), crusher(rate_hz=9000.0, dither="tpdf")


def noise(frames=1500, channels=2):
    return (0.4 * np.random.default_rng(2).standard_normal((channels, frames))).astype(np.float32)


def test_chain_equals_its_stages_one_after_the_other():
    x = noise()
    expected = x
    for stage in stages():
        expected = apply(stage, expected, RATE)
    assert np.array_equal(apply(Chain(stages()), x, RATE), expected)


def test_chains_are_associative():
    x = noise()
    a, b, c = stages()
    left = apply(Chain([Chain([a, b]), c]), x, RATE)
    a, b, c = stages()
    assert np.array_equal(apply(Chain([a, Chain([b, c])]), x, RATE), left)


@pytest.mark.parametrize("block", [1, 17, 64, 512])
def test_blocks_do_not_matter(block):
    x = noise()
    assert np.array_equal(apply(Chain(stages()), x, RATE, block), apply(Chain(stages()), x, RATE, x.shape[1]))


def test_latency_and_tail_add_up():
    chain = Chain([Echo(7), crusher(rate_hz=8000.0), Echo(5)])
    chain.prepare(RATE, 1, 64)
    assert chain.latency == 7 + 1 + 5
    assert chain.tail == sum(stage.tail for stage in chain.processors)


def test_state_can_be_taken_restored_and_reset():
    x, chain = noise(), Chain(stages())
    chain.prepare(RATE, 2, 500)
    first, second, again = (np.empty((2, 500), np.float32) for _ in range(3))
    chain.process(x[:, :500].copy(), first)
    saved = chain.state()
    chain.process(x[:, 500:1000].copy(), second)
    chain.restore(saved)
    chain.process(x[:, 500:1000].copy(), again)
    assert np.array_equal(second, again)
    assert not np.array_equal(saved["1.line"], chain.state()["1.line"])
    chain.reset()
    chain.process(x[:, :500].copy(), again)
    assert np.array_equal(first, again)


def test_input_and_output_may_be_the_same_array():
    x, chain = noise(frames=400), Chain(stages())
    expected = apply(Chain(stages()), x, RATE)
    chain.prepare(RATE, 2, 400)
    chain.process(x, x)
    assert np.array_equal(x, expected)


def test_more_stages_than_one_keep_the_input_as_it_was():
    x = noise()
    kept = x.copy()
    chain = Chain([crusher(bits=4), crusher(bits=6), crusher(bits=3), crusher(bits=5)])
    chain.prepare(RATE, 2, x.shape[1])
    chain.process(x, np.empty_like(x))
    assert np.array_equal(x, kept)


def test_no_stage_means_no_change():
    x = noise()
    assert np.array_equal(apply(Chain([]), x, RATE), x)


def test_native_rates_are_kept_and_must_agree():
    assert Chain([crusher(), Echo(3)]).native_rate_hz is None
    assert Chain([crusher(), Echo(3, 44_100), Echo(3, 44_100)]).native_rate_hz == 44_100
    with pytest.raises(UsageError, match="44100 Hz, 48000 Hz"):
        Chain([Echo(3, 48_000), Echo(3, 44_100)])


def test_a_processor_can_stand_in_a_chain_only_once():
    one = Echo(3)
    with pytest.raises(UsageError, match="twice"):
        Chain([one, one])


@pytest.mark.parametrize("engine", ["numba", "numpy"])
def test_dithered_stages_have_noise_of_their_own(engine):
    """Dither of two stages adds up as independent noise: the error of the two has no part in common."""
    x = np.full((1, 20_000), 0.3, np.float32)
    described = [("bitcrusher", {"bits": 8, "dither": "tpdf"})] * 2
    made = [BITCRUSHER.processor(engine, **settings) for _, settings in described]
    chain = Chain(made)
    whole = apply(chain, x, RATE)
    first, second = (apply(stage, x, RATE) - x for stage in made)
    assert abs(np.corrcoef(first[0], second[0])[0, 1]) < 0.05
    assert np.array_equal(first, apply(BITCRUSHER.processor(engine, **described[0][1]), x, RATE) - x)
    assert np.array_equal(whole, apply(Chain([BITCRUSHER.processor(engine, **s) for _, s in described]), x, RATE, 37))
    nested = Chain(
        [Chain([BITCRUSHER.processor(engine, **described[0][1])]), Chain([BITCRUSHER.processor(engine, **described[1][1])])]
    )
    assert np.array_equal(apply(nested, x, RATE), whole)
    assert np.abs(chain_module(described, RATE)(torch.from_numpy(x)).detach().numpy() - whole).max() <= 1e-6


def test_torch_form_equals_the_stream():
    x = noise()
    described = [("bitcrusher", {"bits": 9}), ("bitcrusher", {"rate_hz": 9000.0})]
    streamed = apply(Chain([crusher(**settings) for _, settings in described]), x, RATE)
    assert np.abs(chain_module(described, RATE)(torch.from_numpy(x)).detach().numpy() - streamed).max() <= 1e-6
