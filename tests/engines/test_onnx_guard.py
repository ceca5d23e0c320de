"""No ONNX file from anywhere runs a program, reads another file, or takes more memory than it is long."""

from __future__ import annotations

import json
import resource
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fxlab.engines.golden import golden_input, pack, play
from fxlab.engines.loader import open_processor, processor_of
from fxlab.engines.onnx_engine import load_onnx, save_onnx
from fxlab.engines.onnx_guard import OPERATORS, require_plain, same_graph
from fxlab.errors import InputError
from fxlab.models.model import Model, describe
from fxlab.models.stack_config import LayerConfig, StackConfig

CONFIG = StackConfig((LayerConfig("conv1d", 1, 1, kernel_size=3),))
HUGE = 1 << 40


@pytest.fixture
def model():
    rng = np.random.default_rng(0)
    weights = {name: rng.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in CONFIG.weight_shapes().items()}
    card = {"model": describe(CONFIG), "sample_rate_hz": 8000, "latency": 0, "receptive_field": CONFIG.receptive_field}
    return Model(CONFIG, weights, card)


@pytest.fixture
def exported(model, tmp_path):
    """A small model's file, and the file read."""
    path, dry = tmp_path / "it.onnx", golden_input(64)
    save_onnx(path, model, pack(dry, play(processor_of(model, "torch"), dry, 8000, [64])))
    return path, onnx.load(path)


def kernel(graph):
    return next(tensor for tensor in graph.initializer if tensor.name.endswith(".weight"))


def shape(*sizes):
    return numpy_helper.from_array(np.array(sizes, np.int64), "sizes")


def node(operator, *inputs, constants=(), **attributes):
    """What puts a node in front, whose output the network hears instead of the audio."""

    def attack(graph):
        graph.initializer.extend(constants)
        first = next(one for one in graph.node if "dry" in one.input)
        first.input[list(first.input).index("dry")] = "evil"
        graph.node.insert(0, helper.make_node(operator, list(inputs), ["evil"], **attributes))

    return attack


def subgraph(operator):
    body = helper.make_graph(
        [helper.make_node("Identity", ["dry"], ["inside"])], "b", [], [helper.make_tensor_value_info("inside", 1, None)]
    )
    return node(operator, "dry", **{"body" if operator == "Scan" else "then_branch": body})


def elsewhere(graph):
    tensor = graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def half_elsewhere(graph):
    graph.initializer[0].external_data.add(key="location", value="../secret")


def sparse(graph):
    values, indices = (numpy_helper.from_array(np.ones(1, kind), name) for kind, name in ((np.float32, "s"), (np.int64, "i")))
    graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [HUGE]))


def longer_than_it_is(graph):
    graph.initializer[0].dims[0] = HUGE


def negative(graph):
    kernel(graph).dims[0] *= -1
    kernel(graph).dims[1] *= -1


REFUSED = {
    "ConstantOfShape": node("ConstantOfShape", "sizes", constants=[shape(HUGE)]),
    "Tile": node("Tile", "dry", "sizes", constants=[shape(1, 1, HUGE)]),
    "Resize": node("Resize", "dry", "", "", "sizes", constants=[shape(1, 1, HUGE)]),
    "RandomNormal": node("RandomNormal", shape=[HUGE]),
    "If": subgraph("If"),
    "Scan": subgraph("Scan"),
    "another domain": node("FusedConv", "dry", domain="com.microsoft"),
    "one's own operator": node("Exec", "dry", domain="evil"),
    "another file": elsewhere,
    "half another file": half_elsewhere,
    "sparse": sparse,
    "longer than it is": longer_than_it_is,
    "negative": negative,
}
UNHEARD = {
    "Expand": node("Expand", "dry", "sizes", constants=[shape(1, HUGE, 1)]),
    "Range": node(
        "Range", "a", "b", "c", constants=[numpy_helper.from_array(np.int64(n), k) for n, k in ((0, "a"), (HUGE, "b"), (1, "c"))]
    ),
    "pads": node("MaxPool", "dry", kernel_shape=[1], pads=[0, 0]),
}
"""Of operators that fxlab writes, too: these graphs are never run."""


def grown(before):
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / (1 if sys.platform == "linux" else 1024)


@pytest.mark.parametrize("attack", REFUSED)
def test_what_no_exporter_writes_is_refused_by_every_engine(exported, attack):
    path, proto = exported
    REFUSED[attack](proto.graph)
    path.write_bytes(proto.SerializeToString())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for engine in ("auto", "onnx"):
        with pytest.raises(InputError, match="not one that fxlab exported"):
            open_processor(str(path), engine=engine)
    assert grown(before) < 100_000


@pytest.mark.parametrize("attack", UNHEARD)
def test_a_files_own_graph_is_never_run(exported, model, attack):
    path, proto = exported
    clean, _ = load_onnx(path)
    UNHEARD[attack](proto.graph)
    path.write_bytes(proto.SerializeToString())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    processor, _ = load_onnx(path)
    dry = golden_input(300, seed=3)
    played = [play(one, dry, 8000, [300]) for one in (clean, processor, processor_of(model, "onnx"))]
    assert np.array_equal(played[0], played[1]) and np.array_equal(played[0], played[2])
    assert grown(before) < 100_000


def test_functions_and_training_are_refused(exported):
    path, proto = exported
    whole = proto.SerializeToString()
    for change in (
        lambda one: one.functions.add(name="f", domain="", node=[helper.make_node("Identity", ["a"], ["b"])]),
        lambda one: one.training_info.add(),
        lambda one: one.opset_import.add(domain="evil", version=1),
    ):
        changed = onnx.load_model_from_string(whole)
        change(changed)
        path.write_bytes(changed.SerializeToString())
        with pytest.raises(InputError, match="not one that fxlab exported"):
            open_processor(str(path))


@pytest.mark.parametrize("change", [{"dilation": 10**9}, {"outputs": 10**9}, {"kernel_size": 10**9}, {"inputs": HUGE}])
def test_numbers_without_measure_in_a_card_take_no_memory(exported, change):
    path, proto = exported
    entry = next(one for one in proto.metadata_props if one.key == "card")
    card = json.loads(entry.value)
    card["model"]["config"]["layers"][0] |= change
    entry.value = json.dumps(card)
    path.write_bytes(proto.SerializeToString())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for engine in ("auto", "onnx"):
        with pytest.raises(InputError):
            open_processor(str(path), engine=engine)
    assert grown(before) < 100_000


def test_graphs_are_told_apart_by_all_but_the_values_of_their_weights(exported):
    _, proto = exported
    other = onnx.ModelProto()
    other.CopyFrom(proto)
    weight = kernel(other.graph)
    weight.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(weight), weight.name))
    assert same_graph(proto, other)
    for attack in UNHEARD.values():
        changed = onnx.ModelProto()
        changed.CopyFrom(proto)
        attack(changed.graph)
        assert not same_graph(proto, changed)


def test_operators_that_read_write_or_repeat_are_not_among_those_let_pass(exported):
    require_plain(exported[1])
    assert not OPERATORS & {"If", "Scan", "ConstantOfShape", "Tile", "Resize", "Upsample", "RandomNormal", "SequenceMap", "Pad"}
