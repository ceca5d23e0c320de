"""Every engine plays a network alike, in any blocks, and model files prove themselves."""

import dataclasses
import itertools
import json
import math

import numpy as np
import onnx
import pytest
import torch

from fxlab.audio.testsignals import synthesize
from fxlab.effects import contract
from fxlab.effects.processor import apply
from fxlab.engines.golden import difference, golden_input, pack, parity, play, random_blocks, unpack
from fxlab.engines.loader import engines_of, open_processor, processor_of
from fxlab.engines.onnx_engine import OnnxProcessor, load_onnx
from fxlab.engines.onnx_graph import model_of, streaming_graph
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.engines.torch_engine import TorchProcessor, trace
from fxlab.errors import CheckError, InputError, UsageError
from fxlab.models import checkpoint
from fxlab.models.model import Model, describe
from fxlab.models.registry import architecture, build

RATE = 48_000


def make(size="nano", seed=0):
    """A network of a size or a configuration, and its card."""
    torch.manual_seed(seed)
    network = build(architecture("tcn").config(size) if isinstance(size, str) else size).eval()
    card = {
        "format": checkpoint.CARD_FORMAT,
        "model": describe(network.config),
        "sample_rate_hz": RATE,
        "latency": 0,
        "receptive_field": network.receptive_field,
        "licence": "",
    }
    return network, card


def graph(network):
    model = checkpoint.model_of(network, {})
    return streaming_graph(model.config, model.weights)


def engines(network, card):
    return {
        "torch": TorchProcessor(network, card),
        "torchscript": TorchProcessor(network, card, trace(network)),
        "onnx": OnnxProcessor(graph(network).SerializeToString(), card),
    }


@pytest.fixture(scope="module")
def nano():
    network, card = make()
    return engines(network, card)


@pytest.fixture(scope="module")
def signal():
    return synthesize(1.0, RATE, seed=3)


@pytest.mark.parametrize("size", architecture("tcn").sizes)
def test_engines_agree_over_random_blocks(size, signal):
    made = engines(*make(size))
    for name in ("torchscript", "onnx"):
        assert parity(made["torch"], made[name], signal, RATE) <= 1e-5


def test_engines_agree_on_real_audio(nano, shared_audio):
    import soundfile

    take, _ = soundfile.read(shared_audio / "di" / "jazz_trot_guitar.flac", frames=RATE, start=5 * RATE, dtype="float32")
    assert np.abs(take).max() > 0.1
    for name in ("torchscript", "onnx"):
        assert parity(nano["torch"], nano[name], take, RATE) <= 1e-5


@pytest.mark.parametrize(
    "engine, block", [("onnx", 1), ("onnx", 17), *itertools.product(("torch", "torchscript", "onnx"), (64, 512))]
)
def test_block_size_invariance(nano, engine, block, signal):
    audio = np.stack([signal[:1500], signal[1500:3000]])
    whole = apply(nano[engine], audio, RATE, audio.shape[1])
    np.testing.assert_allclose(apply(nano[engine], audio, RATE, block), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ["torch", "torchscript"])
@pytest.mark.parametrize("block", [1, 17])
def test_small_blocks_of_a_network_with_a_short_memory(engine, block, signal):
    """torch takes milliseconds for a block of any size, and a network is warmed up in blocks of the same size, too."""
    config = architecture("tcn").config("nano")
    arrays = (
        dataclasses.replace(a, dilations=tuple(d for d in a.dilations if d <= 16), kernel_sizes=(3,)) for a in config.arrays
    )
    made = engines(*make(dataclasses.replace(config, arrays=tuple(arrays), size="custom")))
    processor, audio = made[engine], np.stack([signal[:400], signal[400:800]])
    assert processor.card["receptive_field"] < 200
    whole = apply(processor, audio, RATE, audio.shape[1])
    np.testing.assert_allclose(apply(processor, audio, RATE, block), whole, rtol=0, atol=1e-5)


def test_streaming_equals_the_whole_network_fed_with_silence_first(nano, signal):
    network, _ = make()
    padded = torch.from_numpy(np.concatenate((np.zeros(network.receptive_field - 1, np.float32), signal)))
    with torch.inference_mode():
        whole = network(padded[None, None])[0, 0].numpy()
    np.testing.assert_allclose(apply(nano["onnx"], signal, RATE, 777), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_state_is_a_value(nano, engine, signal):
    contract.check_state(lambda: nano[engine], signal[None, :1200])
    contract.check_reset(lambda: nano[engine], signal[None, :1200])


@pytest.mark.parametrize("engine", ["torch", "torchscript", "onnx"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_input_counts_as_silence(nano, engine, bad, signal):
    dirty, clean = signal.copy(), signal.copy()
    dirty[100:200], clean[100:200] = bad, 0.0
    assert np.array_equal(apply(nano[engine], dirty, RATE), apply(nano[engine], clean, RATE))


def test_a_network_runs_at_its_own_rate_only(nano):
    with pytest.raises(UsageError) as caught:
        nano["onnx"].prepare(44_100, 1, 64)
    assert "48000" in caught.value.message


def test_random_blocks_add_up():
    for frames in (1, 5, 1000):
        sizes = random_blocks(frames, 64, seed=frames)
        assert sum(sizes) == frames and min(sizes) >= 1 and max(sizes) <= 64


def test_parity_allows_what_rounding_makes_of_a_network_and_no_more():
    config = architecture("lstm").config("16")
    rng = np.random.default_rng(3)
    weights = {k: rng.normal(0, 0.25 * shape[-1] ** 0.5, shape).astype(np.float32) for k, shape in config.weight_shapes().items()}
    card = {"model": describe(config), "sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    model, audio = Model(config, weights, card), synthesize(0.3, RATE, seed=1)
    reference = processor_of(model, "torch")
    rounding = difference(reference, reference.exact(), audio, RATE)
    assert 0 < rounding < 1e-3
    assert parity(reference, processor_of(model, "onnx"), audio, RATE) <= max(1e-5, 4 * rounding)
    wrong = Model(config, weights | {"layers.1.bias": weights["layers.1.bias"] + np.float32(2e-4)}, card)
    with pytest.raises(CheckError, match="differs"):
        parity(reference, processor_of(wrong, "onnx"), audio, RATE)


@pytest.mark.parametrize("engine", ["torch", "onnx", "fused"])
def test_the_start_does_not_depend_on_the_largest_block(engine):
    config = dataclasses.replace(architecture("lstm").config("16"), warm_up=90)  # far too short for it to settle
    rng = np.random.default_rng(3)
    weights = {k: rng.normal(0, 0.3, shape).astype(np.float32) for k, shape in config.weight_shapes().items()}
    card = {"model": describe(config), "sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    processor, played = processor_of(Model(config, weights, card), engine), []
    for largest in (7, 40, 1000):
        played.append(apply(processor, golden_input(100), RATE, largest))
    np.testing.assert_allclose(played[1:], [played[0]] * 2, rtol=0, atol=1e-6)


def test_golden_vectors_survive_packing_and_notice_damage():
    dry = golden_input(100)
    packed = pack(dry, dry * 2)
    back = unpack(packed)
    assert np.array_equal(back[0], dry) and np.array_equal(back[1], dry * 2)
    for damaged in ({**packed, "input": packed["output"]}, {**packed, "sha256": "0"}, {**packed, "output": "@"}, {}):
        with pytest.raises(InputError):
            unpack(damaged)


@pytest.fixture
def exported(tmp_path):
    network, card = make()
    model, dry = graph(network), golden_input()
    golden = pack(dry, play(TorchProcessor(network, card), dry, RATE, [len(dry)]))
    for key, value in (("card", json.dumps(card)), ("golden", json.dumps(golden))):
        model.metadata_props.add(key=key, value=value)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path, network


@pytest.mark.parametrize("engine", ["onnx", "torch", "torchscript"])
def test_an_export_plays_on_every_engine(exported, engine, signal):
    path, network = exported
    opened = open_processor(str(path), engine=engine)
    assert opened.engine == engine and opened.name == "model" and opened.card["sample_rate_hz"] == RATE
    expected = apply(TorchProcessor(network, opened.card), signal, RATE)
    np.testing.assert_allclose(apply(opened.processor, signal, RATE), expected, rtol=0, atol=1e-5)


def test_the_graph_gives_its_network_back(exported):
    path, network = exported
    _, card = load_onnx(path)
    back = model_of(path.read_bytes(), card, "model").weights
    unused = "arrays.1.layers.12.residual"
    assert all(np.array_equal(back[k], v) for k, v in network.state_dict().items() if not k.startswith(unused))


def test_checkpoints_play_too(tmp_path, signal):
    network, card = make()
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, network, card)
    assert engines_of(str(path)) == NETWORK_ENGINES
    played = [apply(open_processor(str(path), engine=engine).processor, signal, RATE) for engine in engines_of(str(path))]
    for other in played[1:]:
        np.testing.assert_allclose(other, played[0], rtol=0, atol=1e-5)


def change_weight(model):
    weight = next(w for w in model.graph.initializer if w.name == "arrays.0.layers.3.conv.weight")
    array = onnx.numpy_helper.to_array(weight) * 1.01
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))


def drop(key):
    def change(model):
        kept = [(p.key, p.value) for p in model.metadata_props if p.key != key]
        del model.metadata_props[:]
        for name, value in kept:
            model.metadata_props.add(key=name, value=value)

    return change


def point_outside(model):
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../secret.bin")


def describe_another(model):
    """The card of the largest network there can be, without a weight."""
    entry = next(p for p in model.metadata_props if p.key == "card")
    card = json.loads(entry.value)
    array = {"channels": 256, "head": 256, "dilations": [1] * 64, "kernel_sizes": [16] * 64, "head_bias": False, "gated": True}
    card["model"]["config"] = {"arrays": [array] * 7 + [array | {"head": 1}]}
    entry.value = json.dumps(card)
    del model.graph.initializer[:]


def write_words(model):
    weight = next(w for w in model.graph.initializer if w.name.endswith("conv.weight"))
    weight.ClearField("raw_data")
    weight.data_type = onnx.TensorProto.STRING
    weight.string_data.extend([b"a"] * math.prod(weight.dims))


@pytest.mark.parametrize("change", [change_weight, drop("card"), drop("golden"), point_outside, describe_another, write_words])
def test_tampered_exports_are_refused(exported, change):
    path, _ = exported
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    for engine in ("fused", "onnx"):
        with pytest.raises(InputError):
            open_processor(str(path), engine=engine)


def test_a_card_of_another_network_than_the_graph_is_refused(exported):
    path, _ = exported
    model = onnx.load(path)
    entry = next(p for p in model.metadata_props if p.key == "card")
    card = json.loads(entry.value)
    card["model"]["config"]["arrays"][0]["dilations"][3] += 1
    entry.value = json.dumps(card)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="another network"):
        load_onnx(path)


@pytest.mark.parametrize("engine", ["torch", "torchscript"])
def test_a_network_rebuilt_from_a_wrong_card_is_refused(exported, engine):
    path, _ = exported
    model = onnx.load(path)
    entry = next(p for p in model.metadata_props if p.key == "card")
    card = json.loads(entry.value)
    card["model"]["config"]["arrays"][0]["dilations"][3] += 1
    card["receptive_field"] += 2
    entry.value = json.dumps(card)
    onnx.save(model, path)
    with pytest.raises(InputError):
        open_processor(str(path), engine=engine)


@pytest.mark.parametrize(
    "change",
    [{"latency": -5}, {"latency": 10**12}, {"receptive_field": 2 * 10**9}, {"sample_rate_hz": 1}, {"sample_rate_hz": "fast"}],
)
def test_cards_that_cannot_be_right_are_refused(change):
    network, card = make()
    with pytest.raises(InputError):
        TorchProcessor(network, card | change)


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"RIFF....WAVE", None])
def test_what_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError):
        load_onnx(path)


def test_loader_names_what_it_knows(tmp_path):
    with pytest.raises(UsageError) as caught:
        open_processor("saturater")
    assert "saturator" in caught.value.hint
    with pytest.raises(InputError):
        open_processor(str(tmp_path / "absent.onnx"))
    (tmp_path / "a.wav").write_bytes(b"x")
    with pytest.raises(InputError):
        open_processor(str(tmp_path / "a.wav"))
    with pytest.raises(UsageError):
        open_processor("saturator", engine="onnx")
