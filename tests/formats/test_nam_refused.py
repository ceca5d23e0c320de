"""`.nam` files that can't be played are refused by name of what is wrong, before anything is made of their weights."""

import copy
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fxlab.errors import InputError
from fxlab.formats.card import foreign_card
from fxlab.formats.nam import nam_json, read_nam
from fxlab.models.model import Model
from fxlab.models.stack_config import recurrent
from fxlab.models.tcn_config import ArrayConfig, TCNConfig


def content(config):
    weights = {name: np.full(shape, 0.1, np.float32) for name, shape in config.weight_shapes().items()}
    return json.loads(nam_json(Model(config, weights, foreign_card(config, 48_000, "training", {}))))


A1 = content(TCNConfig((ArrayConfig(2, 1, (1, 2), head_bias=True),)))
A2 = content(TCNConfig((ArrayConfig(2, 1, (1, 2), (2, 3), activation="leaky_relu", gated=True),)))
LSTM = content(recurrent("lstm", 2))
LINEAR = {"version": "0.5.0", "architecture": "Linear", "config": {"receptive_field": 2, "bias": False}, "weights": [1.0, 0.5]}


def container(*ends):
    entries = [{"max_value": end, "model": LINEAR} for end in ends]
    return {"version": "0.7.0", "architecture": "SlimmableContainer", "config": {"submodels": entries}, "weights": []}


BOX = container(0.5, 1.0)
LAYER, SUBMODELS = "config.layers.0.", "config.submodels."


def changed(data, path, value):
    """A copy with one entry, named by its dotted path, set; or taken out where the value is `...`."""
    data = copy.deepcopy(data)
    *way, last = path.split(".")
    place = data
    for step in way:
        place = place[int(step) if isinstance(place, list) else step]
    if isinstance(place, list):
        last = int(last)
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("nam") / "x.nam"


def refused(path, text, words):
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_nam(path)
    assert caught.value.hint and len(caught.value.message) < 300 + len(str(path))


@pytest.mark.parametrize(
    "data, key, value, words",
    [
        (A1, "version", "0.8.0", "newer than 0.7"),
        (A1, "version", "1.0.0", "newer"),
        (A1, "version", "0.4.9", "older than 0.5"),
        (A1, "version", "five", "version is 'five'"),
        (A1, "version", ..., "version is None"),
        (A1, "version", "0.5." + "1" * 10**6, "version"),
        (A1, "architecture", "ConvNet", "'ConvNet'"),
        (A1, "architecture", "Sequential", "'Sequential'"),
        (A1, "architecture", ["WaveNet"], "architecture"),
        (A1, "config", None, "config is missing"),
        (A1, "config.layers", [], "number of arrays"),
        (A1, "config.layers", [1], "layers are missing"),
        (A1, "config.condition_dsp", {}, "another network"),
        (A1, "config.head", {"channels": 1}, "more layers"),
        (A1, "config.in_channels", 2, "in_channels"),
        (A1, LAYER + "input_size", 2, "input_size"),
        (A1, LAYER + "condition_size", 2, "condition_size"),
        (A1, LAYER + "channels", 10**9, "channels"),
        (A1, LAYER + "channels", -1, "channels"),
        (A1, LAYER + "channels", 2.0, "channels"),
        (A1, LAYER + "channels", True, "channels"),
        (A1, LAYER + "channels", 3, "weights where"),
        (A1, LAYER + "bottleneck", 1, "bottleneck"),
        (A1, LAYER + "groups_input", 2, "groups_input"),
        (A1, LAYER + "groups_input_mixin", 2, "groups_input_mixin"),
        (A1, LAYER + "layer1x1", {"active": False, "groups": 1}, "layer1x1"),
        (A1, LAYER + "layer1x1", {"active": True, "groups": 2}, "layer1x1"),
        (A1, LAYER + "head1x1", {"active": True, "out_channels": 1, "groups": 1}, "head1x1"),
        (A1, LAYER + "conv_pre_film", {"active": True}, "conv_pre_film"),
        (A1, LAYER + "head1x1_post_film", {}, "head1x1_post_film"),
        (A1, LAYER + "slimmable", {"method": "magic"}, "'magic'"),
        (A1, LAYER + "dilations", [1, 10**12], "dilations"),
        (A1, LAYER + "dilations", [], "dilations"),
        (A1, LAYER + "dilations", [[1]], "dilations"),
        (A1, LAYER + "dilations", 3, "dilations"),
        (A1, LAYER + "dilations", list(range(1, 200)), "layers"),
        (A1, LAYER + "kernel_size", 10**9, "kernel"),
        (A1, LAYER + "kernel_size", ..., "kernel_size"),
        (A1, LAYER + "kernel_sizes", [3, 3], "kernel_size"),
        (A1, LAYER + "activation", "Fasttanh", "'Fasttanh'"),
        (A1, LAYER + "activation", {"type": "PReLU", "negative_slope": 0.1}, "'PReLU'"),
        (A1, LAYER + "activation", {"type": "Hardtanh", "max_val": 2.0}, "max_val"),
        (A1, LAYER + "activation", {"type": "Softsign", "alpha": 2.0}, "alpha"),
        (A1, LAYER + "activation", {"type": "LeakyReLU", "negative_slope": "x"}, "negative_slope"),
        (A1, LAYER + "activation", {"type": "LeakyReLU", "negative_slope": 1e300}, "activation"),
        (A1, LAYER + "activation", ["Tanh", "ReLU"], "activations"),
        (A1, LAYER + "activation", ["Tanh"], "activations"),
        (A1, LAYER + "activation", None, "activation None"),
        (A1, LAYER + "gated", "yes", "gated"),
        (A1, LAYER + "gated", True, "weights where"),
        (A1, LAYER + "head", [], "head"),
        (A1, LAYER + "head.out_channels", 2, "outputs"),
        (A1, LAYER + "head.bias", 1, "bias"),
        (A1, "weights", None, "no weights"),
        (A1, "weights.3", None, "32 bits"),
        (A1, "weights.3", "0.1", "32 bits"),
        (A1, "weights.3", True, "32 bits"),
        (A1, "weights.3", [0.1], "32 bits"),
        (A1, "weights.3", 1e39, "32 bits"),
        (A1, "weights.3", 10**400, "32 bits"),
        (A1, "weights.3", ..., "weights where"),
        (A1, "sample_rate", 0, "sample rate"),
        (A1, "sample_rate", 44_100.5, "sample rate"),
        (A1, "sample_rate", "48000", "sample rate"),
        (A1, "fxlab", [], "card is damaged"),
        (A1, "fxlab.card.model.config.arrays.0.channels", 3, "doesn't describe"),
        (A1, "fxlab.card.model.config.arrays.0.gated", True, "doesn't describe"),
        (A1, "fxlab.card.sample_rate_hz", 44_100, "another rate"),
        (A2, LAYER + "gating_mode", ["blended", "blended"], "'blended'"),
        (A2, LAYER + "gating_mode", ["gated", "none"], "gating modes"),
        (A2, LAYER + "secondary_activation", "Tanh", "sigmoid"),
        (A2, LAYER + "kernel_sizes", [2], "1 kernel sizes for 2"),
        (LSTM, "config.input_size", 2, "input_size"),
        (LSTM, "config.num_layers", 10**9, "layers"),
        (LSTM, "config.num_layers", 2, "weights where"),
        (LSTM, "config.hidden_size", 10**9, "width"),
        (LSTM, "config.hidden_size", ..., "hidden_size"),
        (LINEAR, "config.receptive_field", 10**9, "kernel"),
        (LINEAR, "config.bias", None, "bias"),
        (LINEAR, "config.out_channels", 2, "out_channels"),
        (BOX, "config.submodels", [], "without networks"),
        (BOX, SUBMODELS + "1.max_value", 0.5, "order"),
        (BOX, SUBMODELS + "1.max_value", 0.9, "order"),
        (BOX, SUBMODELS + "1.max_value", "1", "order"),
        (BOX, SUBMODELS + "1.model", 1, "without networks"),
        (BOX, SUBMODELS + "1.model", BOX, "SlimmableContainer"),
        (BOX, SUBMODELS + "1.model.version", "9.9.9", "newer"),
        (changed(BOX, "sample_rate", 44_100), SUBMODELS + "1.model.sample_rate", 48_000, "of 44100 Hz"),
    ],
)
def test_what_fxlab_cant_play_exactly_is_refused(path, data, key, value, words):
    path.write_text(json.dumps(data))
    read_nam(path)
    refused(path, json.dumps(changed(data, key, value)), words)


def test_an_lstm_that_never_forgets_where_it_starts_is_refused(path):
    """One unit whose forget gate is open: its cell keeps its sign for ever."""
    bias = {"i": -20.0, "f": 20.0, "g": 0.0, "o": 20.0}
    data = changed(LSTM, "config.hidden_size", 1)
    for start, fits in ((0.0, True), (0.5, False)):
        data["weights"] = [0.0] * 8 + [*bias.values(), 0.0, start, 1.0, 0.0]
        data.pop("fxlab", None)
        path.write_text(json.dumps(data))
        if fits:
            read_nam(path)
        else:
            refused(path, path.read_text(), "never forgets")


def test_absurd_sizes_cost_nothing(path):
    wide = changed(A1, "config.layers", [changed(A1, LAYER + "channels", 256)["config"]["layers"][0]] * 8)
    tracemalloc.start()
    for data in (wide, changed(LSTM, "config.hidden_size", 1024), changed(LINEAR, "config.receptive_field", 4096)):
        path.write_text(json.dumps(data))
        with pytest.raises(InputError):
            read_nam(path)
    assert tracemalloc.get_traced_memory()[1] < 36 << 20  # of which 32 MiB to read a file into
    tracemalloc.stop()


def test_words_that_are_too_long_or_half_are_left_out(path):
    words = '{"name": "x", "long": "%s", "half": "\\ud800", "huge": 1e999, "deep": [{"a": 1e999}]}' % ("y" * 20_000)
    path.write_text(json.dumps(changed(A1, "metadata", "WORDS")).replace('"WORDS"', words))
    assert read_nam(path)[0].card["nam"]["metadata"] == {"name": "x"}
    path.write_text(json.dumps(changed(A1, "metadata", ["x"])))
    assert read_nam(path)[0].card["nam"]["metadata"] == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": NaN}', "\x00\x01", "[" * 10_000, '{"a":' * 10_000])
def test_what_is_no_model_at_all_is_refused(path, text):
    refused(path, text, "x.nam")


def _paths(value, at=""):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield f"{at}{key}"
        yield from _paths(inner, f"{at}{key}.")


odd = st.recursive(
    st.sampled_from([None, True, False, ..., 0, 1, -1, 2.5, 1e300, 10**30, "", "Tanh", "gated"]) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "active", "bias"]), inner, max_size=2),
    max_leaves=4,
)


def plain(value):
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return None if value is ... else value


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([A1, A2, LSTM, LINEAR, BOX]), st.data())
def test_any_entry_may_be_anything(path, data, draw):
    key = draw.draw(st.sampled_from(sorted(_paths(data))))
    value = draw.draw(odd)
    path.write_text(json.dumps(changed(data, key, value if value is ... else plain(value))))
    try:
        assert isinstance(read_nam(path)[0], Model)
    except InputError as error:
        assert error.message and error.hint


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([A1, LSTM]), st.integers(0, 5000), st.binary(max_size=3))
@example(A1, 0, b"")
def test_damaged_files_are_refused_or_play(path, data, place, found):
    whole = json.dumps(data).encode()
    place %= len(whole)
    for damaged in (whole[:place], whole[:place] + found + whole[place + len(found) :]):
        path.write_bytes(damaged)
        try:
            assert isinstance(read_nam(path)[0], Model)
        except InputError as error:
            assert error.message
