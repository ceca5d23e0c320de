"""What a processor promises, of stacks on the fused engine; `tests/engines/test_stack_engines.py` compares what they play."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from fxlab.effects.processor import apply
from fxlab.engines.fused.stack import FusedStack
from fxlab.engines.fused.stack_kernel import play_stack
from fxlab.engines.golden import difference, golden_input, play
from fxlab.engines.loader import processor_of
from fxlab.models.model import Model, describe
from fxlab.models.registry import architecture
from fxlab.models.stack_config import LayerConfig, StackConfig

RATE = 48_000
MIXED = StackConfig(
    (
        LayerConfig("conv1d", 1, 5, "tanh", 30, 1),
        LayerConfig("lstm", 5, 12),
        LayerConfig("conv1d", 12, 6, "relu", 3, 200),
        LayerConfig("gru", 6, 9),
        LayerConfig("dense", 9, 3, "silu"),
        LayerConfig("conv1d", 3, 1, "linear", 2, 70),
    ),
    skip=True,
)
LSTM = architecture("lstm").config("16")


def model(config, seed=0):
    rng, weights = np.random.default_rng(seed), {}
    for name, shape in config.weight_shapes().items():
        bound = max(1, int(np.prod(shape[1:]))) ** -0.5
        weights[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
    card = {"model": describe(config), "sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    return Model(config, weights, card)


@pytest.mark.parametrize("cell, size", [("lstm", "16"), ("lstm", "64"), ("gru", "32")])
def test_equals_torch_on_real_audio(cell, size, shared_audio):
    take, _ = soundfile.read(shared_audio / "di" / "raid_guitar.flac", frames=RATE // 2, start=6 * RATE, dtype="float32")
    assert np.abs(take).max() > 0.1
    made = model(architecture(cell).config(size))
    assert difference(processor_of(made, "torch"), FusedStack(made), take, RATE) <= 1e-5


@pytest.mark.parametrize("config", [LSTM, MIXED], ids=["lstm", "mixed"])
@pytest.mark.parametrize("sizes", [[1] * 300, [64] * 10, [63, 65] * 5, [1500]])
def test_no_split_shows(config, sizes):
    made, audio = model(config), golden_input(sum(sizes), seed=3)
    whole = play(FusedStack(made), audio, RATE, [len(audio)])
    np.testing.assert_allclose(play(FusedStack(made), audio, RATE, sizes), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_input_counts_as_silence(bad):
    dirty, clean = golden_input(), golden_input()
    dirty[100:200], clean[100:200] = bad, 0.0
    assert np.array_equal(apply(FusedStack(model(MIXED)), dirty, RATE), apply(FusedStack(model(MIXED)), clean, RATE))


def test_channels_in_place_and_from_parts_of_a_read_only_buffer():
    stereo = np.stack((golden_input(500, seed=1), golden_input(500, seed=2)))
    processor = FusedStack(model(MIXED))
    wanted = np.stack([apply(processor, channel, RATE) for channel in stereo])
    processor.prepare(RATE, 2, 200)
    room, out = stereo.copy(), np.empty((2, 600), np.float32)
    room.flags.writeable = False
    in_place = stereo.copy()
    for at in range(0, 500, 100):
        processor.process(room[:, at : at + 100], out[:, at : at + 100])
    np.testing.assert_allclose(out[:, :500], wanted, rtol=0, atol=1e-6)
    processor.reset()
    for at in range(0, 500, 100):
        processor.process(in_place[:, at : at + 100], in_place[:, at : at + 100])
    assert np.array_equal(in_place, out[:, :500])


def test_one_compilation_serves_all_networks_and_block_sizes():
    for config in (LSTM, MIXED, architecture("gru").config("32")):
        processor = FusedStack(model(config))
        for channels in (1, 2):
            processor.prepare(RATE, channels, 100)
            for frames in (1, 64, 99):
                block = np.zeros((channels, frames), np.float32)
                processor.process(block, block)
    assert len(play_stack.signatures) == 1


def test_another_process_reads_the_compiled_code_and_needs_no_torch():
    FusedStack(model(LSTM)).prepare(RATE, 1, 64)
    code = (
        "import sys, numpy as np\n"
        "from fxlab.engines.fused.stack_kernel import play_stack\n"
        "from numba import int64\n"
        "play_stack.compile((int64, int64))\n"
        "stats = play_stack.stats\n"
        "assert sum(stats.cache_hits.values()) == 1 and not stats.cache_misses, stats\n"
        "assert 'torch' not in sys.modules\n"
    )
    # The first may come while a test beside this one writes the same cache.
    subprocess.run([sys.executable, "-c", code], check=False, timeout=120)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
