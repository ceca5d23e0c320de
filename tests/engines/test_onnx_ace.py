"""ACE's ONNX graph plays what the effect plays, in blocks of any size."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from fxlab.effects.ace.layout import state_shapes
from fxlab.effects.ace.reference import AceReference
from fxlab.effects.processor import apply
from fxlab.engines.golden import random_blocks
from fxlab.engines.onnx_ace import ace_graph, model_graph, weights_in
from fxlab.engines.onnx_engine import OnnxProcessor, read_onnx
from fxlab.errors import InputError
from fxlab.models.ace_config import AceConfig, settings_of
from fxlab.models.model import describe

TOLERANCE = 1e-6


def bursts(channels, frames, seed=0):
    """Decaying noise over tones, and a few samples that are no numbers."""
    rng, time = np.random.default_rng(seed), np.arange(frames)
    decay = np.exp(-(time % (frames // 3)) / (frames / 20))
    audio = 0.3 * rng.standard_normal((channels, frames)) * decay + 0.2 * np.sin(0.1 * time) + 0.1 * np.sin(1.1 * time)
    audio[0, [5, 90, frames // 2]] = np.nan, np.inf, -np.inf
    return audio.astype(np.float32)


def prepared(rate_hz, channels=1, **parameters):
    reference = AceReference(**parameters)
    reference.prepare(rate_hz, channels, rate_hz)
    return reference


def graph_of(reference):
    return ace_graph(reference.design, reference.bank, reference.parameters["adapt"], reference.parameters["tce_carrier"])


def session_of(graph):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def play(session, audio, sizes):
    """(channels, frames) through the graph in blocks of the given sizes, and the states after it."""
    names = [one.name for one in session.get_inputs()][1:]
    states = {one.name: np.zeros((len(audio), *one.shape[1:])) for one in session.get_inputs()[1:]}
    out, done = [], 0
    for size in sizes:
        wet, *new = session.run(None, {"dry": audio[:, None, done : done + size], **states})
        states = dict(zip(names, new, strict=True))
        out.append(wet[:, 0])
        done += size
    return np.concatenate(out, 1), states


@pytest.mark.parametrize(
    ("rate_hz", "channels", "parameters"),
    [
        (8000, 1, {"bands": 16, "li_strength": 100, "time_constants": "synthdef"}),
        (8000, 2, {"bands": 16, "adapt": True, "tce_carrier": "highpassed", "latency_ms": 4, "dp_decay_s": 0}),
        (22_050, 1, {"bands": 24, "latency_ms": 32, "mix": 0.6, "output_db": 3, "band2_db": 9, "tce_decay_ms": 1}),
        (48_000, 2, {"bands": 60, "adapt": True}),
    ],
)
def test_it_plays_what_the_reference_plays(rate_hz, channels, parameters):
    reference = prepared(rate_hz, channels, **parameters)
    audio = bursts(channels, rate_hz // 16 + 7)
    expected = np.empty_like(audio)
    reference.process(audio, expected)
    session = session_of(graph_of(reference))
    frames = audio.shape[1]
    for sizes in ([frames], [1, 1, 2, *random_blocks(frames - 4, 300, 1)]):
        wet, states = play(session, audio, sizes)
        np.testing.assert_allclose(wet, expected, rtol=0, atol=TOLERANCE)
    for name in ("followers", "tce_followers"):
        inner = reference.state()[name]
        for row in states[name]:
            np.testing.assert_allclose(row.reshape(inner.shape), inner, rtol=1e-6, atol=1e-12)


def test_two_seconds_in_small_blocks():
    session = session_of(graph_of(prepared(8000, bands=16, li_strength=100, ex_strength=20, adapt=True)))
    audio = bursts(1, 16_000, 3)
    whole, _ = play(session, audio, [len(audio[0])])
    small, _ = play(session, audio, random_blocks(len(audio[0]), 64, 2))
    np.testing.assert_allclose(small, whole, rtol=0, atol=TOLERANCE)


def test_silence_comes_to_rest_without_denormals():
    session = session_of(graph_of(prepared(8000, bands=16, dp_decay_s=0.1)))
    audio = np.pad(bursts(1, 400), ((0, 0), (0, 12_000)))
    wet, states = play(session, audio, [len(audio[0])])
    assert not wet[:, -6000:].any()
    for state in states.values():
        assert not np.any((state != 0) & (np.abs(state) < np.finfo(np.float64).tiny))


@pytest.mark.parametrize("level", [1e18, 3e38])
def test_what_is_absurdly_loud_leaves_no_trace(level):
    session = session_of(graph_of(prepared(48_000, bands=16, dp_decay_s=0)))
    audio = bursts(1, 4800)
    audio[:, 300:330] = level
    wet, states = play(session, audio, [len(audio[0])])
    assert np.isfinite(wet[:, -1000:]).all()
    assert all(np.isfinite(state).all() for state in states.values())


def test_the_graph_is_plain():
    reference = prepared(48_000)
    graph = graph_of(reference)
    onnx.checker.check_model(graph, full_check=True)
    assert [(one.domain, one.version) for one in graph.opset_import] == [("", 17)]
    assert len(graph.SerializeToString()) < 300_000
    shapes = [[size.dim_value for size in one.type.tensor_type.shape.dim[1:]] for one in graph.graph.input]
    assert [tuple(shape) for shape in shapes[1:]] == list(state_shapes(reference.bank).values())


@pytest.fixture(scope="module")
def trained():
    """A configuration, unconstrained numbers, and a card."""
    config = AceConfig(sample_rate_hz=8000, bands=16, single=True)
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    card = {"model": describe(config), "sample_rate_hz": 8000, "latency": config.latency, "receptive_field": 900}
    return config, weights, card


def test_a_trained_one_plays_in_the_processor(trained):
    config, weights, card = trained
    graph = model_graph(config, weights)
    processor = OnnxProcessor(graph.SerializeToString(), card)
    assert list(processor.state_shapes.values()) == list(config.state_shapes().values())
    audio = bursts(2, 700)
    reference = AceReference(**settings_of(config, weights))
    np.testing.assert_allclose(apply(processor, audio, 8000, 70), apply(reference, audio, 8000), rtol=0, atol=TOLERANCE)
    assert processor.tail == reference.tail
    kept = weights_in(graph, "it")
    assert all(np.array_equal(kept[name], weights[name]) for name in weights)


@pytest.mark.parametrize("text", [None, "", "[1]", '{"scalars": {}}', '{"scalars": [[1], 2]}', "5", "[" * 10**5])
def test_damaged_weights_are_refused(trained, text):
    graph = model_graph(*trained[:2])
    del graph.metadata_props[:]
    if text is not None:
        graph.metadata_props.add(key="weights", value=text)
    with pytest.raises(InputError, match="can't be read"):
        weights_in(graph, "it")


def test_a_tensor_in_another_file_is_found_in_a_loop(trained, tmp_path):
    graph = model_graph(*trained[:2])
    body = next(node for node in graph.graph.node if node.op_type == "Loop").attribute[0].g
    tensor = TensorProto(name="t", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="elsewhere")
    body.node.append(helper.make_node("Constant", [], ["unused"], value=tensor))
    for key in ("card", "golden"):
        graph.metadata_props.add(key=key, value="{}")
    path = tmp_path / "it.onnx"
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(InputError, match="not one that fxlab exported"):
        read_onnx(path)


def test_states_of_another_type_are_refused(trained):
    audio = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"]) for name in ("dry", "wet")]
    state = [helper.make_tensor_value_info(name, TensorProto.INT64, ["channels", 1, 1]) for name in ("s", "next_s")]
    nodes = [helper.make_node("Identity", [a.name], [b.name]) for a, b in (audio, state)]
    graph = helper.make_graph(nodes, "g", [audio[0], state[0]], [audio[1], state[1]])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(InputError, match="inputs and outputs"):
        OnnxProcessor(model.SerializeToString(), trained[2])
