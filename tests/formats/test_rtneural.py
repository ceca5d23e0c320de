"""RTNeural's JSON: its own golden vectors, and every export against a player written from RTNeural's definitions."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.effects.processor import apply
from fxlab.engines.golden import golden_input
from fxlab.engines.loader import open_processor
from fxlab.engines.onnx_graph import streaming_graph
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import InputError, UsageError
from fxlab.formats.card import foreign_card
from fxlab.formats.rtneural import read_rtneural, rtneural_json
from fxlab.models.checkpoint import network_of
from fxlab.models.model import Model
from fxlab.models.stack_config import LayerConfig, StackConfig, recurrent
from fxlab.models.tcn_config import SIZES as TCN_SIZES

RATE = 48_000


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


ACTIVATIONS = {"": lambda x: x, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0.0), "sigmoid": sigmoid}


def lstm(x, kernel, recurrent, bias):
    h, c, out = np.zeros(len(recurrent)), np.zeros(len(recurrent)), []
    for frame in x:
        i, f, g, o = np.split(frame @ kernel + h @ recurrent + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x, kernel, recurrent, bias):
    h, out = np.zeros(len(recurrent)), []
    for frame in x:
        from_input, from_past = np.split(frame @ kernel + bias[0], 3), np.split(h @ recurrent + bias[1], 3)
        z, r = (sigmoid(a + b) for a, b in zip(from_input[:2], from_past[:2], strict=True))
        h = (1 - z) * np.tanh(from_input[2] + r * from_past[2]) + z * h
        out.append(h)
    return np.array(out)


def conv1d(x, kernel, bias, dilation):
    out = np.tile(bias, (len(x), 1))
    for tap, matrix in enumerate(kernel):
        delay = (len(kernel) - 1 - tap) * dilation
        out[delay:] += x[: max(0, len(x) - delay)] @ matrix
    return out


def play(data, audio):
    """What RTNeural plays from zero states, in float64, with AIDA-X' gains and skip."""
    gain_in, gain_out = (10.0 ** (data.get(key, 0.0) / 20.0) for key in ("in_gain", "out_gain"))
    dry = audio.astype(np.float64) * gain_in
    x = dry[:, None]
    for layer in data["layers"]:
        kind, weights = layer["type"], [np.array(array, np.float64) for array in layer["weights"]]
        if kind in ("dense", "time-distributed-dense"):
            x = x @ weights[0] + weights[1]
        elif kind == "conv1d":
            x = conv1d(x, *weights, layer["dilation"][-1])
        elif kind in ("lstm", "gru"):
            x = {"lstm": lstm, "gru": gru}[kind](x, *weights)
        if kind not in ("lstm", "gru"):
            x = ACTIVATIONS[layer["activation"]](x)
        assert x.shape[1] == layer["shape"][-1]
    return gain_out * (x[:, 0] + (dry if data.get("in_skip") else 0.0))


def from_rest(model, audio):
    """The model by torch and by ONNX Runtime, from zero states."""
    x = audio.astype(np.float32)[None, None]
    network = network_of(model)
    with torch.inference_mode():
        by_torch = network.stream(torch.from_numpy(x), *network.rest())[0].numpy()
    session = onnxruntime.InferenceSession(streaming_graph(model.config, model.weights).SerializeToString())
    states = {name: np.zeros((1, *shape), np.float32) for name, shape in model.config.state_shapes().items()}
    return by_torch[0, 0], session.run(["wet"], {"dry": x, **states})[0][0, 0]


def random_model(config, seed=0, rate=RATE):
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(0.0, 0.5, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    return Model(config, weights, foreign_card(config, rate, "test", {}))


def save(path, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def plain(config, seed=0):
    """A file as other programs write it."""
    return {key: value for key, value in json.loads(rtneural_json(random_model(config, seed))).items() if key != "fxlab"}


@st.composite
def stacks(draw):
    layers, width = [], 1
    for _ in range(draw(st.integers(0, 3))):
        kind, outputs = draw(st.sampled_from(["dense", "lstm", "gru", "conv1d"])), draw(st.integers(1, 6))
        layers.append(draw(layer(kind, width, outputs)))
        width = outputs
    layers.append(draw(layer(draw(st.sampled_from(["dense", "conv1d", "lstm", "gru"])), width, 1)))
    return StackConfig(tuple(layers), skip=draw(st.booleans()), warm_up=draw(st.integers(0, 200)))


@st.composite
def layer(draw, kind, inputs, outputs):
    activation = "linear" if kind in ("lstm", "gru") else draw(st.sampled_from(["linear", "tanh", "relu", "sigmoid"]))
    kernel, dilation = (draw(st.integers(1, 5)), draw(st.integers(1, 4))) if kind == "conv1d" else (1, 1)
    return LayerConfig(kind, inputs, outputs, activation, kernel, dilation)


@pytest.mark.parametrize("name", ["gru", "gru_1d", "lstm", "lstm_1d"])
def test_rtneurals_own_vectors(shared_models, name):
    """Keras made them; RTNeural's own tests allow 5e-6 too."""
    folder = shared_models / "rtneural"
    model, vector = read_rtneural(folder / f"{name}.json")
    dry, wet = (np.loadtxt(folder / f"{name}_{which}_python.csv") for which in "xy")
    assert vector is None and model.card["sample_rate_hz"] == RATE and model.card["receptive_field"] == 8193
    for played in from_rest(model, dry):
        np.testing.assert_allclose(played, wet, rtol=0, atol=5e-6)
    np.testing.assert_allclose(play(json.loads((folder / f"{name}.json").read_text()), dry), wet, rtol=0, atol=5e-6)


@settings(deadline=None, max_examples=25)
@given(stacks(), st.integers(0, 1000))
def test_exports_play_alike_and_come_back(tmp_path_factory, config, seed):
    model, audio = random_model(config, seed, 44_100), golden_input(300, seed)
    text = rtneural_json(model, {"input": "", "output": "", "sha256": ""})
    for played in from_rest(model, audio):
        np.testing.assert_allclose(played, play(json.loads(text), audio), rtol=0, atol=1e-5)
    back, vector = read_rtneural(save(tmp_path_factory.mktemp("rtneural") / "x.json", text))
    assert back.config == config and back.card == model.card and vector == {"input": "", "output": "", "sha256": ""}
    for one, other in zip(from_rest(model, audio), from_rest(back, audio), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5)


def test_without_fxlabs_key_it_is_what_others_write(tmp_path):
    data = plain(recurrent("gru", 8)) | {"author": "me", "esr": 0.01, "metadata": {"name": "amp", "samplerate": 44_100}}
    model, vector = read_rtneural(save(tmp_path / "x.json", data))
    assert vector is None and model.config.layers == recurrent("gru", 8).layers
    assert model.card["rtneural"] == {"samplerate": RATE, "author": "me", "esr": 0.01, "metadata": data["metadata"]}
    assert model.card["sample_rate_hz"] == 44_100 and model.card["latency"] == 0 and model.card["effect"] == []
    assert model.card["parameters_count"] == 8 * 3 * (1 + 8 + 2) + 9


@pytest.mark.parametrize("rate, expected", [(44_100, 44_100), ("96000", 96_000), (48_000.0, 48_000), (None, 48_000)])
def test_rates_are_found_or_assumed(tmp_path, rate, expected):
    data = plain(recurrent("lstm", 2)) | {"samplerate": rate}
    assert read_rtneural(save(tmp_path / "x.json", data))[0].card["sample_rate_hz"] == expected


@pytest.mark.parametrize("first", ["dense", "lstm", "gru", "conv1d"])
def test_gains_and_skip_of_aida_x(tmp_path, first):
    data = plain(StackConfig((LayerConfig(first, 1, 3), LayerConfig("dense", 3, 1))))
    audio = golden_input(200)
    for changes in ({"in_skip": 1}, {"in_gain": -6.0, "out_gain": 9.5}, {"in_gain": 0, "out_gain": 0.0, "in_skip": 1}):
        changed = data | changes
        model, _ = read_rtneural(save(tmp_path / "x.aidax", changed))
        for played in from_rest(model, audio):
            np.testing.assert_allclose(played, play(changed, audio), rtol=0, atol=1e-5)
    with pytest.raises(InputError, match="gains"):
        read_rtneural(save(tmp_path / "x.json", data | {"in_skip": 1, "out_gain": 3.0}))


def test_activations_that_are_layers_join_the_one_before(tmp_path):
    data = plain(StackConfig((LayerConfig("conv1d", 1, 3, "linear", 3, 2), LayerConfig("dense", 3, 1))))
    data["layers"].insert(1, {"type": "activation", "activation": "tanh", "shape": [None, None, 3], "weights": []})
    model, _ = read_rtneural(save(tmp_path / "x.json", data))
    assert [layer.activation for layer in model.config.layers] == ["tanh", "linear"]
    audio = golden_input(200)
    for played in from_rest(model, audio):
        np.testing.assert_allclose(played, play(data, audio), rtol=0, atol=1e-5)


def test_what_the_format_lacks_is_not_exported():
    tcn = TCN_SIZES["nano"]
    with pytest.raises(UsageError, match="residual"):
        rtneural_json(Model(tcn, {}, {}))
    with pytest.raises(UsageError, match="leaky_relu"):
        rtneural_json(random_model(StackConfig((LayerConfig("dense", 1, 1, "leaky_relu"),))))
    model = random_model(recurrent("lstm", 2))
    with pytest.raises(InputError):
        rtneural_json(Model(model.config, model.weights, model.card | {"esr": float("nan")}))


@pytest.mark.parametrize("engine", NETWORK_ENGINES)
def test_files_play_on_every_engine(shared_models, engine):
    opened = open_processor(str(shared_models / "rtneural" / "lstm_1d.json"), engine=engine)
    model, _ = read_rtneural(opened.path)
    audio = golden_input(700)
    heard = np.concatenate((np.zeros(model.config.receptive_field - 1), audio))
    expected = play(json.loads(opened.path.read_text()), heard)[-len(audio) :]
    np.testing.assert_allclose(apply(opened.processor, audio, RATE, 177), expected, rtol=0, atol=1e-5)
