"""A network as a streaming ONNX graph: audio and explicit states in, audio and the next states out, any block size.

The graph is written operator by operator instead of traced, so that it holds what the network needs and nothing else
(no exporter's shape arithmetic, no source paths) and runs in any ONNX runtime with opset 17.
"""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from fxlab.errors import InputError
from fxlab.models.checkpoint import build
from fxlab.models.tcn import TCN

OPSET, IR_VERSION = 17, 8
AUDIO_IN, AUDIO_OUT, NEXT = "dry", "wet", "next_"


class _Graph:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, value: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def conv(self, name: str, module: nn.Conv1d, source: str) -> str:
        """A convolution whose weights keep the names they have in the network's state dict."""
        weights = [self.weight(f"{name}.{key}", value.detach().numpy()) for key, value in module.named_parameters()]
        return self.node("Conv", [source, *weights], name, dilations=list(module.dilation), kernel_shape=list(module.kernel_size))


def tcn_graph(network: TCN) -> onnx.ModelProto:
    """The streaming graph of a TCN, without metadata.

    Shape:
        Input `dry` (channels, 1, frames) and a state (channels, features, past frames) per layer; output `wet` like `dry`
        and `next_<state>` per state. The first state of silence is zeros.
    """
    g = _Graph()
    names = iter(network.state_shapes())
    x, head = AUDIO_IN, ""
    for i, array in enumerate(network.arrays):
        x = g.conv(f"arrays.{i}.expand", array.expand, x)
        for j, layer in enumerate(array.layers):
            at, state = f"arrays.{i}.layers.{j}", next(names)
            past = g.node("Concat", [state, x], f"{at}.past", axis=2)
            bounds = [g.weight(f"{at}.{key}", np.array([value])) for key, value in _last(layer.history).items()]
            g.node("Slice", [past, *bounds], NEXT + state)
            conv = g.conv(f"{at}.conv", layer.conv, past)
            mixed = g.node("Add", [conv, g.conv(f"{at}.mixin", layer.mixin, AUDIO_IN)], f"{at}.mixed")
            activation = g.node("Tanh", [mixed], f"{at}.activation")
            head = g.node("Add", [head, activation], f"{at}.head") if head else activation
            x = g.node("Add", [x, g.conv(f"{at}.residual", layer.residual, activation)], f"{at}.out")
        head = g.conv(f"arrays.{i}.head", array.head, head)
    # The last layer's residual feeds nothing.
    g.nodes = _used(g.nodes, {head} | {NEXT + name for name in network.state_shapes()})
    g.node("Mul", [head, g.weight("scale", network.scale.detach().numpy())], AUDIO_OUT)
    needed = {name for node in g.nodes for name in node.input}
    graph = helper.make_graph(
        g.nodes,
        "tcn",
        [_audio(AUDIO_IN), *(_state(name, shape) for name, shape in network.state_shapes().items())],
        [_audio(AUDIO_OUT), *(_state(NEXT + name, shape) for name, shape in network.state_shapes().items())],
        [weight for weight in g.weights if weight.name in needed],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fxlab")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def network_of(model: bytes, card: dict) -> nn.Module:
    """The network back from its graph's weights, for the torch engines; raises `InputError` when they don't fit its card."""
    weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in onnx.load_model_from_string(model).graph.initializer}
    network = build(card)
    # The graph leaves out weights that no output depends on.
    state = {name: weights.get(name, torch.zeros_like(value)) for name, value in network.state_dict().items()}
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise InputError("The model's weights don't fit the architecture in its card.", "Export it again.") from None
    return network.eval()


def _last(frames: int) -> dict[str, int]:
    """Slice bounds of the last `frames` on the time axis; with none, of an empty range."""
    end = np.iinfo(np.int64).max
    return {"start": -frames if frames else end, "end": end, "axis": 2}


def _used(nodes: list[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted = wanted | set(node.input)
            kept.append(node)
    return kept[::-1]


def _audio(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"])


def _state(name: str, shape: tuple[int, int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", *shape])
