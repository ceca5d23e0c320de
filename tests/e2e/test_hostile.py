"""Hostile files through the command: exit code 3, what is wrong in words, nothing written, no memory taken."""

from __future__ import annotations

import json
import struct

import numpy as np
import onnx
import pytest
import soundfile
from onnx import helper, numpy_helper

from fxlab.engines.loader import model_path

HUGE = 10**9


@pytest.fixture
def dry(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.zeros(800, np.float32), 8000)
    return "x.wav"


def graph(change):
    """A shipped model with a change."""

    def content():
        proto = onnx.load(model_path("gru"))
        change(proto)
        return proto.SerializeToString()

    return content


def fill(proto):
    proto.graph.initializer.append(numpy_helper.from_array(np.array([1 << 40]), "sizes"))
    proto.graph.node.insert(0, helper.make_node("ConstantOfShape", ["sizes"], ["filled"]))


def outside(proto):
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def program(proto):
    proto.graph.node.insert(0, helper.make_node("Exec", ["dry"], ["filled"], domain="evil", command="touch evil"))


def forever(proto):
    body = helper.make_graph([helper.make_node("Identity", ["on"], ["still"])], "b", [], [])
    proto.graph.initializer.append(numpy_helper.from_array(np.array(1 << 62), "turns"))
    proto.graph.node.insert(0, helper.make_node("Scan", ["dry"], ["filled"], body=body, num_scan_inputs=1))


def nam():
    layer = {"channels": HUGE, "head_size": 1, "kernel_size": 3, "dilations": [HUGE], "activation": "Tanh", "head_bias": True}
    config = {"layers": [layer], "head": None, "head_scale": 1.0}
    return json.dumps({"version": "0.5.4", "architecture": "WaveNet", "config": config, "weights": [0.0]}).encode()


def rtneural():
    layer = {"type": "lstm", "activation": "", "shape": [None, None, HUGE], "weights": [[], [], []]}
    return json.dumps({"in_shape": [None, None, 1], "layers": [layer]}).encode()


HOSTILE = {
    "fill.onnx": graph(fill),
    "outside.onnx": graph(outside),
    "program.onnx": graph(program),
    "forever.onnx": graph(forever),
    "it.nam": nam,
    "it.json": rtneural,
    "deep.json": lambda: b"[" * 100_000,
    "it.safetensors": lambda: struct.pack("<Q", 1 << 62) + b"{}",
    "deep.safetensors": lambda: struct.pack("<Q", 100_005) + b'{"a":' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_model_is_refused_in_words(fxlab, dry, tmp_path, name):
    (tmp_path / name).write_bytes(HOSTILE[name]())
    done = fxlab("render", dry, "--effect", name)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: ") and name in done.stderr and "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {dry, name}


def test_a_dataset_names_no_file_outside_itself(fxlab, tmp_path):
    row = {"id": "a", "split": "train", "source": "a", "source_sha256": "a", "start_frame": 0, "frames": 8, "level_db": 0.0}
    row |= {"effect": [], "parameters": {}, "latency": 0, "input_sha256": "a", "target_sha256": "a", "target": "pairs/a.wav"}
    header = {"fxlab_dataset": 1, "settings": {}, "sample_rate_hz": 8000, "versions": {}}
    (tmp_path / "ds").mkdir()
    for place in ("/etc/passwd", "pairs/../../x.wav"):
        lines = (json.dumps(one) for one in (header, row | {"input": place}))
        (tmp_path / "ds" / "manifest.jsonl").write_text("\n".join(lines))
        done = fxlab("train", "ds", "-o", "run")
        assert done.returncode == 3 and "is not a file of the dataset" in done.stderr
        assert not (tmp_path / "run").exists()
