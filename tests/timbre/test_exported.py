"""An exported instrument plays what its own player plays, however its frames are divided, and says what it wants."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from fxlab.errors import InputError, UsageError
from fxlab.models.checkpoint_file import write
from fxlab.services import export
from fxlab.timbre.exported import load, performance, reference, save

from .tiny_instrument import TINY, instrument

FRAMES = 50


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "inst.onnx"
    save(path, instrument(), FRAMES)
    return path


@pytest.mark.parametrize(
    "config", [TINY, replace(TINY, reverb=300, layers=1), replace(TINY, hop=100, bands=3, sample_rate_hz=8000)]
)
def test_plays_what_its_own_player_plays(tmp_path, config):
    model = instrument(config, seed=3)
    assert save(tmp_path / "inst.onnx", model, FRAMES) < 1e-5
    exported, card = load(tmp_path / "inst.onnx")
    inputs = performance(model, FRAMES, seed=7)
    wanted = reference(model, inputs, seed=7)
    assert card["model"]["type"] == "ddsp" and np.abs(wanted).max() > 0.01
    for sizes in ([FRAMES], [1] * FRAMES, [13, 2, 35]):
        np.testing.assert_allclose(exported.play_all(inputs, sizes), wanted, atol=1e-5)


def test_a_caller_needs_nothing_but_the_metadata(path):
    graph = onnx.load(path)
    about = json.loads({entry.key: entry.value for entry in graph.metadata_props}["io"])
    inputs = {one["name"]: one["shape"] for part in ("inputs", "states") for one in about[part]}
    outputs = {one["name"] for one in about["outputs"]} | {one["next"] for one in about["states"]}
    declared = {one.name: [d.dim_param or d.dim_value for d in one.type.tensor_type.shape.dim] for one in graph.graph.input}
    assert declared == inputs and {one.name for one in graph.graph.output} == outputs
    assert about["hop"] == about["latency"] == TINY.hop and about["sample_rate_hz"] == TINY.sample_rate_hz


@pytest.mark.parametrize("wrong", ["a weight", "golden", "card"])
def test_a_damaged_file_is_refused(tmp_path, path, wrong):
    graph = onnx.load(path)
    metadata = {entry.key: entry for entry in graph.metadata_props}
    if wrong == "a weight":
        array = next(one for one in graph.graph.initializer if list(one.dims) == [TINY.harmonics + 1, TINY.dense])
        values = onnx.numpy_helper.to_array(array) + np.float32(0.1)
        array.CopyFrom(onnx.numpy_helper.from_array(values, array.name))
    elif wrong == "golden":
        metadata["golden"].value = metadata["golden"].value.replace("A", "B", 1)
    else:
        metadata["card"].value = metadata["card"].value.replace('"hidden": 6', '"hidden": 7')
    onnx.save(graph, tmp_path / "wrong.onnx")
    with pytest.raises(InputError):
        load(tmp_path / "wrong.onnx")


def test_export_writes_onnx_and_nothing_else(tmp_path):
    model, source = instrument(replace(TINY, automaton="grown")), tmp_path / "inst.safetensors"
    write(source, model.weights, model.card)
    for options, text in (
        ({"format": "nam"}, "can't hold an instrument"),
        ({"precision": "fp16"}, "full"),
        ({"set": {"age": 1}}, "inputs"),
    ):
        with pytest.raises(UsageError, match=text):
            export.run(export.Request(source, **options))
    result = export.run(export.Request(source))
    assert result.output == tmp_path / "inst.onnx" and result.parity < 1e-5 and "gains" in result.notes[1]
    assert "controls" not in load(result.output)[1]
    from fxlab.engines.loader import open_processor

    with pytest.raises(UsageError, match="exported instrument"):
        open_processor(str(result.output))
