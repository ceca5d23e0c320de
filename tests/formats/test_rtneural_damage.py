"""RTNeural's JSON with something wrong: refused with what it is, before anything is made of it."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.engines.loader import open_processor, processor_of
from fxlab.errors import InputError
from fxlab.formats.card import foreign_card
from fxlab.formats.rtneural import read_rtneural, rtneural_json
from fxlab.models.model import Model
from fxlab.models.stack_config import LayerConfig, StackConfig


def exported(*layers):
    """A good file with fxlab's card, every weight a half."""
    config = StackConfig(layers)
    weights = {name: np.full(shape, 0.5, np.float32) for name, shape in config.weight_shapes().items()}
    return json.loads(rtneural_json(Model(config, weights, foreign_card(config, 48_000, "test", {}))))


def save(path, data):
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def at(*path, value):
    """Changes one place of a file; without a value it goes."""

    def change(data):
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        if value is GONE:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value

    return change


GONE = object()
FIRST, LAST = ("layers", 0), ("layers", 3)


@pytest.mark.parametrize(
    "change, said",
    [
        (at("in_shape", value=[None, None, 2]), "2 inputs"),
        (at("in_shape", value=GONE), "in_shape"),
        (at("in_shape", value=[]), "in_shape"),
        (at("layers", value=[]), "layers"),
        (at("layers", value={}), "layers"),
        (at(*FIRST, value="dense"), "type None"),
        (at(*FIRST, "type", value="conv2d"), "conv2d"),
        (at(*FIRST, "type", value="prelu"), "prelu"),
        (at(*FIRST, "type", value="batchnorm"), "batchnorm"),
        (at(*FIRST, "type", value="unknown"), "unknown"),
        (at(*FIRST, "type", value="activation"), "activation"),
        (at(*FIRST, "type", value=[]), "type"),
        (at(*FIRST, "activation", value="softmax"), "softmax"),
        (at(*FIRST, "activation", value="elu"), "elu"),
        (at(*FIRST, "activation", value=["tanh"]), "activation"),
        (at("layers", 1, "activation", value="relu"), "tanh"),
        (at(*FIRST, "groups", value=2), "groups"),
        (at(*FIRST, "kernel_size", value=[4]), "shape"),
        (at(*FIRST, "kernel_size", value=GONE), "kernel_size"),
        (at(*FIRST, "dilation", value=[0]), "dilation"),
        (at(*FIRST, "dilation", value=[10**9]), "kernel"),
        (at(*FIRST, "dilation", value=[True]), "dilation"),
        (at(*FIRST, "shape", value=[None, None, 10**9]), "width"),
        (at(*FIRST, "shape", value=[None, None, 4]), "shape"),
        (at(*FIRST, "shape", value=None), "shape"),
        (at(*FIRST, "shape", value=[3.0]), "shape"),
        (at(*LAST, "shape", value=[None, None, 2]), "outputs"),
        (at(*FIRST, "weights", value=GONE), "2 arrays"),
        (at(*FIRST, "weights", value=[]), "2 arrays"),
        (at(*FIRST, "weights", 1, value=[0.0, 0.0]), "shape"),
        (at(*FIRST, "weights", 0, 0, 0, value=[0.0, 0.0]), "shape"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value=[0.0]), "numbers"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value="0.1"), "numbers"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value=True), "numbers"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value=None), "numbers"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value=10**400), "numbers"),
        (at(*FIRST, "weights", 0, 0, 0, 0, value=1e39), "numbers"),
        (at("layers", 2, "weights", 2, value=[0.0] * 6), "shape"),
        (at("in_skip", value=2), "in_skip"),
        (at("in_skip", value="1"), "in_skip"),
        (at("in_gain", value="loud"), "in_gain"),
        (at("out_gain", value=1e6), "out_gain"),
        (at("samplerate", value="fast"), "rate"),
        (at("samplerate", value=1), "rate"),
        (at("samplerate", value=48_000.5), "rate"),
        (at("samplerate", value=[48_000]), "rate"),
        (at("fxlab", value=[]), "card"),
        (at("fxlab", value={"card": {}}), "architecture"),
        (at("fxlab", "golden", value="x"), "card"),
        (at("fxlab", "card", "sample_rate_hz", value=44_100), "card"),
        (at("fxlab", "card", "receptive_field", value=100), "card"),
        (at("fxlab", "card", "model", "config", "skip", value=True), "card"),
        (at("fxlab", "card", "model", "config", "layers", 0, "activation", value="relu"), "card"),
    ],
)
def test_what_is_wrong_is_refused_and_named(tmp_path, change, said):
    layers = (LayerConfig("conv1d", 1, 3, "tanh", 3, 2), LayerConfig("lstm", 3, 2), LayerConfig("gru", 2, 2))
    data = exported(*layers, LayerConfig("dense", 2, 1))
    change(data)
    with pytest.raises(InputError, match=said):
        read_rtneural(save(tmp_path / "x.json", data))


def test_too_many_layers_are_refused(tmp_path):
    data = exported(LayerConfig("dense", 1, 1))
    data["layers"] *= 100
    with pytest.raises(InputError, match="number of layers"):
        read_rtneural(save(tmp_path / "x.json", data))


def test_guitarmls_files_are_told_apart(tmp_path):
    data = {"model_data": {"unit_type": "LSTM", "hidden_size": 40}, "state_dict": {"rec.weight_ih_l0": [[0.0]]}}
    with pytest.raises(InputError, match="GuitarML") as caught:
        open_processor(str(save(tmp_path / "x.json", data)))
    assert "modelToKeras" in caught.value.hint


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
VALID = exported(LayerConfig("conv1d", 1, 2, "tanh", 2, 3), LayerConfig("lstm", 2, 2), LayerConfig("dense", 2, 1))
PLACES = [path for path in places(VALID) if path]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(PLACES), junk), min_size=1, max_size=2), st.booleans())
def test_any_damage_is_refused_or_harmless(tmp_path_factory, changes, card):
    data = copy.deepcopy(VALID)
    if not card:
        del data["fxlab"]
    for path, value in changes:
        try:
            at(*path, value=value)(data)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    path = save(tmp_path_factory.mktemp("rtneural") / "x.json", data)
    try:
        model, _ = read_rtneural(path)
        model.config.check()
        assert {name: array.shape for name, array in model.weights.items()} == model.config.weight_shapes()
        assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in model.weights.values())
        processor_of(model, "onnx")
    except InputError:
        pass


@given(st.integers(0, len(json.dumps(VALID)) - 1))
def test_files_cut_short_are_refused(tmp_path_factory, length):
    with pytest.raises(InputError):
        read_rtneural(save(tmp_path_factory.mktemp("rtneural") / "x.json", json.dumps(VALID)[:length]))
