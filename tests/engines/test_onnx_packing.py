"""Weights of reduced precision in a graph: small, unfolded alike by every reader, gone once a runtime has loaded them."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from fxlab.engines.golden import difference, golden_input
from fxlab.engines.loader import processor_of
from fxlab.engines.onnx_engine import OnnxProcessor
from fxlab.engines.onnx_graph import model_of, streaming_graph
from fxlab.engines.onnx_packing import packed, unpacked
from fxlab.errors import InputError
from fxlab.formats.card import foreign_card
from fxlab.models.model import Model
from fxlab.models.precision import rounded, rounds
from fxlab.models.stack_config import LayerConfig, StackConfig, recurrent
from fxlab.models.tcn_config import SIZES

RATE = 48_000
CONFIGS = {
    "tcn": SIZES["nano"],
    "lstm": recurrent("lstm", 16),
    "gru": recurrent("gru", 8),
    "conv": StackConfig((LayerConfig("conv1d", 1, 6, "tanh", 5, 3), LayerConfig("dense", 6, 1)), skip=True),
}
SMALL = ("fp16", "int8")


def model(name):
    config, rng = CONFIGS[name], np.random.default_rng(4)
    weights = {k: (0.4 * rng.standard_normal(shape)).astype(np.float32) for k, shape in config.weight_shapes().items()}
    return Model(config, weights, foreign_card(config, RATE, "training", {}))


def graph_of(network, precision):
    return streaming_graph(network.config, network.weights, precision)


@pytest.mark.parametrize("precision", SMALL)
@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_read_back_is_what_every_engine_plays(name, precision):
    network = rounded(model(name), precision)
    data = graph_of(network, precision).SerializeToString()
    back = model_of(data, network.card, "here")
    unused = set(network.weights) - {k for k in unpacked(onnx.load_from_string(data).graph)}
    assert len(unused) <= 2, "the residual of a TCN's last layer"
    for key in set(network.weights) - unused:
        np.testing.assert_array_equal(back.weights[key], network.weights[key])
    assert difference(OnnxProcessor(data, network.card), processor_of(back, "torch"), golden_input(), RATE) <= 1e-5


@pytest.mark.parametrize("precision", SMALL)
@pytest.mark.parametrize("name", CONFIGS)
def test_onnx_itself_unfolds_the_same_weights(name, precision):
    weights = {k: v for k, v in rounded(model(name), precision).weights.items() if rounds(v, precision)}
    nodes, constants = packed(weights, precision)
    outputs = [helper.make_tensor_value_info(k, TensorProto.FLOAT, v.shape) for k, v in weights.items()]
    graph = helper.make_model(helper.make_graph(nodes, "g", [], outputs, constants), opset_imports=[helper.make_opsetid("", 17)])
    for unfolded, wanted in zip(ReferenceEvaluator(graph).run(None, {}), weights.values(), strict=True):
        np.testing.assert_array_equal(unfolded, wanted)


@pytest.mark.parametrize("precision", SMALL)
@pytest.mark.parametrize("name", CONFIGS)
def test_nothing_of_it_runs_with_every_block(name, precision, tmp_path):
    def loaded(kind):
        network, options = rounded(model(name), kind), ort.SessionOptions()
        options.optimized_model_filepath, options.log_severity_level = str(tmp_path / kind), 4
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        ort.InferenceSession(graph_of(network, kind).SerializeToString(), options, providers=["CPUExecutionProvider"])
        return sorted(node.op_type for node in onnx.load(tmp_path / kind).graph.node)

    assert loaded(precision) == loaded("fp32")


def test_files_shrink_with_the_precision():
    config = recurrent("lstm", 64)
    weights = {name: np.ones(shape, np.float32) for name, shape in config.weight_shapes().items()}
    whole, half, quarter = (len(streaming_graph(config, weights, p).SerializeToString()) for p in ("fp32", *SMALL))
    matrices = 64 * 64 * 4 + 64 * 4 + 64
    assert abs(whole - half - 2 * matrices) < 1000 and abs(half - quarter - matrices) < 2500


def change(name, spoil):
    def apply(graph):
        constant = next(c for c in graph.initializer if c.name == name)
        constant.CopyFrom(numpy_helper.from_array(spoil(numpy_helper.to_array(constant)), name))

    return apply


@pytest.mark.parametrize(
    "damage",
    [
        change("packed0.heights", lambda a: a + 1),
        change("packed0.heights", lambda a: a[:-1]),
        change("packed0.scale", lambda a: np.ones((len(a), 1000), np.float32)),
        change("packed0.scale", lambda a: a * np.nan),
        change("packed0.stored", lambda a: a[:, :-1]),
        lambda graph: graph.initializer.remove(next(c for c in graph.initializer if c.name == "packed0.heights")),
    ],
)
def test_damage_is_refused(damage):
    network = rounded(model("lstm"), "int8")
    graph = graph_of(network, "int8")
    damage(graph.graph)
    with pytest.raises(InputError):
        model_of(graph.SerializeToString(), network.card, "here")
