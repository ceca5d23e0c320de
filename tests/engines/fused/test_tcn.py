"""TCNs of any make on the fused engine against torch, and what a processor promises."""

import functools

import numpy as np
import pytest
import soundfile

from fxlab.audio.testsignals import synthesize
from fxlab.effects import contract
from fxlab.effects.processor import apply
from fxlab.engines.fused.tcn import FusedTCN
from fxlab.engines.fused.tcn_kernel import CHUNK, play_tcn
from fxlab.engines.golden import difference, play
from fxlab.engines.loader import processor_of
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.model import Model, describe
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

RATE = 48_000
ODD = TCNConfig(
    (
        ArrayConfig(5, 3, (1, 4, 2), (3, 2, 6), activation="leaky_relu", gated=True),
        ArrayConfig(3, 1, (1, 7), (6, 15), head_bias=True, head_kernel=16, activation="hard_tanh"),
    )
)
NARROW = TCNConfig((ArrayConfig(1, 1, (1, 300), (2, 64), activation="linear"),))


def model(config, seed=0):
    rng = np.random.default_rng(seed)
    # As large as trained ones: the sum over a layer's inputs is about as large as these.
    fans = {name: max(1, int(np.prod(shape[1:]))) for name, shape in config.weight_shapes().items()}
    shapes = config.weight_shapes().items()
    weights = {name: np.asarray(0.7 / fans[name] ** 0.5 * rng.standard_normal(shape), np.float32) for name, shape in shapes}
    weights["scale"] = np.float32(0.1)
    card = {"model": describe(config), "sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    return Model(config, weights, card)


def agree(made, audio):
    return difference(processor_of(made, "torch"), FusedTCN(made), audio, RATE)


@pytest.fixture(scope="module")
def signal():
    return synthesize(1.0, RATE, seed=3)


@pytest.mark.parametrize("config", [*SIZES.values(), ODD, NARROW], ids=[*SIZES, "odd", "narrow"])
def test_any_tcn_equals_torch_over_random_blocks(config, signal):
    assert agree(model(config), signal) <= 1e-5


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_equals_torch(activation, gated, signal):
    config = TCNConfig((ArrayConfig(4, 1, (1, 3), activation=activation, slope=0.2, gated=gated),))
    assert agree(model(config), signal[:5000]) <= 1e-5


def test_the_shipped_model_equals_torch_and_onnx_on_real_audio(shared_audio):
    from fxlab.engines.loader import model_path, read_model

    take, _ = soundfile.read(shared_audio / "di" / "jazz_trot_guitar.flac", frames=2 * RATE, start=5 * RATE, dtype="float32")
    assert np.abs(take).max() > 0.1
    for name in ("tcn", "tcn-nano"):
        made, _ = read_model(model_path(name))
        for engine in ("torch", "onnx"):
            assert difference(processor_of(made, engine), FusedTCN(made), take, RATE) <= 1e-5


@pytest.mark.parametrize("sizes", [[1] * 300, [CHUNK] * 20, [CHUNK - 1, CHUNK + 1] * 10, [5000]])
def test_no_split_shows(sizes, signal):
    made = model(SIZES["feather"])
    frames = sum(sizes)
    whole = play(FusedTCN(made), signal[:frames], RATE, [frames])
    np.testing.assert_allclose(play(FusedTCN(made), signal[:frames], RATE, sizes), whole, rtol=0, atol=1e-6)


def test_channels_are_apart(signal):
    made, stereo = model(SIZES["nano"]), np.stack((signal[:3000], signal[3000:6000]))
    wet = apply(FusedTCN(made), stereo, RATE, 100)
    for channel in range(2):
        np.testing.assert_array_equal(wet[channel], apply(FusedTCN(made), stereo[channel], RATE, 100))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_input_counts_as_silence(bad, signal):
    dirty, clean = signal[:2000].copy(), signal[:2000].copy()
    dirty[100:200], clean[100:200] = bad, 0.0
    made = model(SIZES["nano"])
    assert np.array_equal(apply(FusedTCN(made), dirty, RATE), apply(FusedTCN(made), clean, RATE))


def test_state_is_a_value(signal):
    make = functools.partial(FusedTCN, model(SIZES["nano"]))
    contract.check_state(make, signal[None, :1200])
    contract.check_reset(make, signal[None, :1200])


def test_in_place_and_from_read_only_memory(signal):
    processor, block = FusedTCN(model(SIZES["nano"])), np.ascontiguousarray(signal[None, :300])
    processor.prepare(RATE, 1, 512)
    wanted = np.empty_like(block)
    processor.process(block, wanted)
    for make_read_only in (False, True):
        processor.reset()
        given = block.copy()
        out = given
        if make_read_only:
            out = np.empty_like(given)
            given.flags.writeable = False
        processor.process(given, out)
        assert np.array_equal(out, wanted)


def test_one_compilation_serves_all_networks():
    for config in (SIZES["nano"], SIZES["large"], ODD):
        FusedTCN(model(config)).prepare(RATE, 2, 64)
    assert len(play_tcn.signatures) == 1


def test_torch_is_not_needed_to_play():
    import subprocess
    import sys

    code = "import sys, fxlab; fxlab.open_processor('tcn').processor.prepare(48000, 1, 64); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
