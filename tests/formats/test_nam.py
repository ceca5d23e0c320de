"""`.nam` files: what the C++ reference plays of its own examples, and any network against a player of plain NumPy."""

import copy
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.audio.files import read
from fxlab.console.nam import nam_rows
from fxlab.engines.golden import golden_input, play, random_blocks
from fxlab.engines.loader import open_processor, processor_of
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import UsageError
from fxlab.formats.card import foreign_card
from fxlab.formats.nam import nam_json, read_nam
from fxlab.models.model import Model
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

RATE = 48_000
EXAMPLES = ("wavenet_a1_standard", "lstm", "A2")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "hard_tanh", "silu", "softsign", "hard_swish")


def network(config, seed=0, scale=0.5, **card):
    rng = np.random.default_rng(seed)
    shapes = config.weight_shapes().items()
    weights = {name: (scale * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes}
    return Model(config, weights, foreign_card(config, RATE, "training", {}) | card)


def stack(*layers, **others):
    return StackConfig(tuple(LayerConfig(*layer) for layer in layers), **others)


def written(folder, model, **others):
    path = folder / "x.nam"
    path.write_text(nam_json(model, **others))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("nam")


@pytest.mark.parametrize("engine", NETWORK_ENGINES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_engine_plays_what_the_reference_plays(shared_models, name, engine):
    """Exact tanh, after its own prewarm; its output moves by 6e-6 with the block size."""
    path = shared_models / "nam" / f"{name}.nam"
    frames = 16_000 if engine.startswith("torch") else 96_000
    (dry, rate), (expected, _) = (read(path.parent / file) for file in ("input.wav", f"{name}.expected.wav"))
    processor = open_processor(str(path), engine=engine).processor
    played = play(processor, dry[0, :frames], rate, random_blocks(frames, 2048, seed=len(name)))
    assert np.abs(expected).max() > 0.02 and np.abs(played - expected[0, :frames]).max() <= 5e-5


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_numpy_player_plays_what_the_reference_plays(shared_models, play_nam, name):
    path = shared_models / "nam" / f"{name}.nam"
    (dry, _), (expected, _) = (read(path.parent / file) for file in ("input.wav", f"{name}.expected.wav"))
    data = json.loads(path.read_text())
    data = data["config"]["submodels"][-1]["model"] if name == "A2" else data
    played = play_nam(data, dry[0, :12_000].astype(float), silence=8192)
    assert np.abs(played - expected[0, :12_000]).max() <= 3e-5


def test_containers_hold_a_network_in_several_sizes(shared_models, play_nam):
    path = shared_models / "nam" / "A2.nam"
    largest, smallest = read_nam(path)[0], read_nam(path, slim=0.0)[0]
    assert (largest.config.parameters_count, smallest.config.parameters_count) == (12_146, 1_871)
    assert (largest.card["nam"]["submodel"], smallest.card["nam"]["submodel"]) == ("2 of 2", "1 of 2")
    assert read_nam(path, slim=0.4999)[0].config == smallest.config and read_nam(path, slim=0.5)[0].config == largest.config
    dry = golden_input()
    wanted = play_nam(json.loads(path.read_text())["config"]["submodels"][0]["model"], dry, silence=8192)
    np.testing.assert_allclose(play(processor_of(smallest, "onnx"), dry, RATE, [2048]), wanted, rtol=0, atol=1e-5)


def test_the_card_says_what_the_file_says(shared_models):
    path = shared_models / "nam" / "lstm.nam"
    card, said = read_nam(path)[0].card, json.loads(path.read_text())
    assert card["nam"] == {"version": "0.5.4", "architecture": "LSTM", "metadata": said["metadata"]}
    assert card["sample_rate_hz"] == RATE and card["receptive_field"] == 24_001 and card["latency"] == 0 and card["effect"] == []
    rows = dict(nam_rows(card["nam"]))
    assert rows["gear"] == "amp, Darkglass Electronics, Microtubes 900 v2" and rows["made on"] == "2024-10-09"
    assert rows["input level"] == "18.3 dBu is full scale" and rows["loudness"].startswith("-37.8 dB")


def test_words_of_any_type_are_shown():
    for value in (None, 1, 1.5, True, "x", [1], {"a": 1}):
        keys = ["name", "modeled_by", "gear_type", "tone_type", "loudness", "gain", "input_level_dbu", "date", "training"]
        for name, shown in nam_rows({"version": value, "metadata": dict.fromkeys(keys, value)}):
            assert isinstance(name, str) and str(shown)
        assert nam_rows({"metadata": value})


arrays = st.builds(
    ArrayConfig,
    channels=st.integers(1, 4),
    head=st.just(1),
    dilations=st.lists(st.integers(1, 9), min_size=2, max_size=3).map(tuple),
    kernel_sizes=st.integers(1, 4).map(lambda k: (k,)),
    head_bias=st.booleans(),
    head_kernel=st.sampled_from([1, 1, 3]),
    activation=st.sampled_from(ACTIVATIONS),
    slope=st.sampled_from([0.01, 0.2]),
    gated=st.booleans(),
)


@st.composite
def wavenets(draw):
    chain = draw(st.lists(arrays, min_size=1, max_size=3))
    if draw(st.booleans()):
        chain[0] = dataclasses.replace(chain[0], kernel_sizes=tuple(range(2, 2 + len(chain[0].dilations))))
    chain = [dataclasses.replace(a, head=b.channels) for a, b in zip(chain, chain[1:], strict=False)] + chain[-1:]
    return TCNConfig(tuple(chain))


@settings(max_examples=40, deadline=None)
@given(wavenets(), st.integers(0, 99))
def test_any_wavenet_is_written_and_read(folder, play_nam, config, seed):
    model = network(config, seed)
    path = written(folder, model)
    data, (back, golden) = json.loads(path.read_text()), read_nam(path)
    assert golden is None and back.config == config
    assert all(np.array_equal(back.weights[name], array) for name, array in model.weights.items())
    simple = all(
        len(set(a.kernel_sizes)) == 1 and a.head_kernel == 1 and a.activation in ("tanh", "sigmoid", "relu", "hard_tanh")
        for a in config.arrays
    )
    assert data["version"] == ("0.5.4" if simple else "0.7.0")
    assert all(("head_size" in layer) == simple == ("kernel_size" in layer) for layer in data["config"]["layers"])
    del data["fxlab"]
    path.write_text(json.dumps(data))
    stranger = read_nam(path)[0]
    assert stranger.card["model"]["size"] == "custom" and stranger.config.weight_shapes() == config.weight_shapes()
    dry = golden_input(600, seed)
    wanted, played = play_nam(data, dry, silence=config.receptive_field), play(processor_of(stranger, "onnx"), dry, RATE, [600])
    np.testing.assert_allclose(played, wanted, rtol=0, atol=2e-5 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("depth, hidden", [(1, 3), (2, 4)])
def test_lstms_are_written_and_read(tmp_path, play_nam, depth, hidden):
    layers = [("lstm", 1 if i == 0 else hidden, hidden) for i in range(depth)]
    model = network(stack(*layers, ("dense", hidden, 1), size="mine"))
    path = written(tmp_path, model)
    data, (back, _) = json.loads(path.read_text()), read_nam(path)
    assert data["config"] == {"input_size": 1, "hidden_size": hidden, "num_layers": depth} and back.config == model.config
    dry = golden_input(1000)
    wanted = play_nam(data, dry, silence=1)  # the file's states are those that silence leads to
    for one in (model, back):
        np.testing.assert_allclose(play(processor_of(one, "onnx"), dry, RATE, [300, 700]), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("biased", [True, False])
def test_impulse_responses_begin_with_the_present_sample(tmp_path, play_nam, biased):
    response = np.exp(-np.arange(70) / 9.0) * np.cos(np.arange(70))
    config = {"receptive_field": 70, "bias": biased}
    data = {"version": "0.5.0", "architecture": "Linear", "config": config, "weights": [*response.tolist(), *[0.1] * biased]}
    path = tmp_path / "x.nam"
    path.write_text(json.dumps(data))
    model, _ = read_nam(path)
    dry = golden_input(500)
    wanted = np.convolve(dry, response)[:500] + 0.1 * biased
    np.testing.assert_allclose(play(processor_of(model, "onnx"), dry, RATE, [500]), wanted, rtol=0, atol=1e-6)
    again = json.loads(nam_json(model))
    np.testing.assert_allclose(play_nam(again, dry, silence=70), wanted, rtol=0, atol=1e-6)


def test_what_fxlab_writes_keeps_its_card_and_its_golden_vector(tmp_path):
    card = {"latency": 7, "licence": "CC0", "effect": [{"name": "clipper"}], "metrics": {"validation_esr": 0.01}}
    model = network(SIZES["nano"], **card)
    path = written(tmp_path, model, golden={"input": "", "output": "", "sha256": ""})
    back, golden = read_nam(path)
    assert {key: value for key, value in back.card.items() if key != "nam"} == model.card and set(golden) > {"input"}
    assert back.config == model.config and back.config.size == "nano"
    said = json.loads(path.read_text())["metadata"]
    assert said["name"] == "clipper" and said["training"] == {"validation_esr": 0.01} and "loudness" not in said
    assert dict(nam_rows(back.card["nam"]))["validation ESR"] == "1 %"


def test_what_others_say_is_kept_on_the_way(shared_models, tmp_path):
    source = read_nam(shared_models / "nam" / "lstm.nam")[0]
    path = written(tmp_path, source)
    assert json.loads(path.read_text())["metadata"] == source.card["nam"]["metadata"]
    assert read_nam(path)[0].card == source.card | {"nam": source.card["nam"]}


@pytest.mark.parametrize(
    "config, words",
    [
        (stack(("gru", 1, 4), ("dense", 4, 1)), "gru, dense"),
        (stack(("lstm", 1, 4), ("dense", 4, 1), skip=True), "dry signal"),
        (stack(("lstm", 1, 4), ("dense", 4, 1, "tanh")), "lstm, dense"),
        (stack(("lstm", 1, 4), ("lstm", 4, 5), ("dense", 5, 1)), "lstm, lstm"),
        (stack(("dense", 1, 1)), "dense"),
        (stack(("conv1d", 1, 1, "linear", 5, 2)), "conv1d"),
        (TCNConfig((ArrayConfig(2, 1, (1, 2), activation="linear"),)), "'linear'"),
    ],
)
def test_networks_that_the_format_lacks_are_refused(config, words):
    with pytest.raises(UsageError, match=words):
        nam_json(network(config))


def test_layouts_may_be_mixed_as_the_reference_takes_them(tmp_path, play_nam):
    """Lists and single values, and the head's object before the older entries."""
    model = network(TCNConfig((ArrayConfig(3, 1, (1, 2), (3, 3), True, 1, "leaky_relu", 0.1, True),)))
    plain = json.loads(nam_json(model))
    del plain["fxlab"], plain["sample_rate"], plain["metadata"]
    mixed = copy.deepcopy(plain)
    layer = mixed["config"]["layers"][0]
    layer |= {"activation": layer["activation"][0], "gating_mode": "gated", "kernel_size": 3, "head_size": 7, "head_bias": False}
    for key in ("kernel_sizes", "secondary_activation", "layer1x1", "bottleneck", "slimmable"):
        del layer[key]
    layer |= {"conv_pre_film": False, "slimmable": {"method": "slice_channels_uniform", "kwargs": {"allowed_channels": [1, 3]}}}
    path = tmp_path / "x.nam"
    for data in (plain, mixed):
        path.write_text(json.dumps(data))
        back = read_nam(path)[0]
        assert back.config == model.config and back.card["sample_rate_hz"] == 48_000
        assert all(np.array_equal(back.weights[name], array) for name, array in model.weights.items())
