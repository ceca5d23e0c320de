"""Networks that fxlab hasn't written out operator by operator, as streaming ONNX graphs: traced by torch."""

from __future__ import annotations

import io
import warnings

import onnx
import torch
from onnx import numpy_helper

from fxlab.engines.onnx_packing import packed
from fxlab.engines.torch_engine import Streaming
from fxlab.models.checkpoint import network_of
from fxlab.models.model import Config, Model, Weights
from fxlab.models.precision import rounds

_BLOCK = 64
_WRAPPED = "network."


def traced_graph(
    config: Config, weights: Weights, precision: str, names: tuple[str, str, str, str], opset: int
) -> onnx.ModelProto:
    """The streaming graph of a network, as `fxlab.engines.onnx_graph.streaming_graph` describes it.

    Weights keep their names. Those that the trace has done without stand in the graph all the same, so that the file holds them.

    Args:
        names: Of the audio that goes in, that comes out, of the knobs, and what stands in front of a next state's name.
    """
    dry, wet, controls, following = names
    shapes = config.state_shapes()
    knobs = {controls: torch.zeros(1, config.controls, _BLOCK)} if config.controls else {}
    given = {dry: torch.zeros(1, 1, _BLOCK), **knobs, **{name: torch.zeros(1, *shape) for name, shape in shapes.items()}}
    moving: dict[str, dict[int, str]] = {name: {0: "channels"} for name in (*given, *(following + name for name in shapes))}
    moving |= {dry: {0: "channels", 2: "frames"}, wet: {0: "channels", 2: "frames"}}
    if knobs:
        moving[controls] = {0: "channels", 2: "control_frames"}
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # torch prefers its newer exporter, which takes another package
        torch.onnx.export(
            Streaming(network_of(Model(config, weights, {}))).eval(),
            tuple(given.values()),
            content,
            dynamo=False,
            opset_version=opset,
            do_constant_folding=False,
            input_names=[*given],
            output_names=[wet, *(following + name for name in shapes)],
            dynamic_axes=moving,
        )
    model = onnx.load_model_from_string(content.getvalue())
    _simplify(model.graph)
    held = {constant.name for constant in model.graph.initializer}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in weights.items() if name not in held)
    for value in model.graph.output:
        if value.name != wet:
            shape = value.type.tensor_type.shape
            for dim, size in zip(shape.dim[1:], shapes[value.name.removeprefix(following)], strict=True):
                dim.dim_value = size
    _pack(model.graph, weights, precision)
    model.producer_name = "fxlab"
    return model


def _simplify(graph: onnx.GraphProto) -> None:
    """Weights as the network itself calls them, and constants as such."""
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        (value,) = node.attribute
        value.t.name = node.output[0]
        graph.initializer.append(value.t)
        graph.node.remove(node)
    for constant in graph.initializer:
        constant.name = constant.name.removeprefix(_WRAPPED)
    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = name.removeprefix(_WRAPPED)


def _pack(graph: onnx.GraphProto, weights: Weights, precision: str) -> None:
    """Weights that the precision rounds, stored small."""
    small = {name: array for name, array in weights.items() if rounds(array, precision)}
    unfold, constants = packed(small, precision)
    kept = [constant for constant in graph.initializer if constant.name not in small]
    nodes = [*unfold, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend([*kept, *constants])
    graph.node.extend(nodes)
