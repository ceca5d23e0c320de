"""A network as a streaming ONNX graph: audio and explicit states in, audio and the next states out, any block size.

The graph is written operator by operator instead of traced, so that it holds what the network needs and nothing else
(no exporter's shape arithmetic, no source paths) and runs in any ONNX runtime with opset 17. Weights keep the names, the
layout and the values that they have in the torch network; what ONNX wants otherwise (its order of gates) the graph itself
rearranges, which a runtime does once when it loads, and what a file of reduced precision holds it unfolds (`onnx_packing`).
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fxlab.engines.onnx_packing import packed, unpacked
from fxlab.errors import InputError
from fxlab.models.ace_config import AceConfig
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.model import Card, Config, Model, Weights, checked, config_of
from fxlab.models.network_config import NetworkConfig
from fxlab.models.precision import rounds
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import ArrayConfig, TCNConfig

OPSET, IR_VERSION = 17, 8
AUDIO_IN, AUDIO_OUT, CONTROLS, NEXT = "dry", "wet", "controls", "next_"
TAIL = "tail"
"""Metadata of a graph that is at rest before it hears anything: samples that it rings on."""

# ONNX's order of gates by their position in torch's: i, f, g, o to i, o, f, c and r, z, n to z, r, h.
_GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
_OPERATORS = dict(
    zip(ACTIVATIONS, ("", "Tanh", "Sigmoid", "Relu", "LeakyRelu", "Clip", "Silu", "Softsign", "HardSwish"), strict=True)
)


class _Graph:
    """Collects nodes and constants, and the names of weights to be packed."""

    def __init__(self, weights: Weights, precision: str) -> None:
        self.weights, self.precision = weights, precision
        self.packed: set[str] = set()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def weight(self, name: str) -> str:
        if not rounds(self.weights[name], self.precision):
            return self.constant(name, self.weights[name])
        self.packed.add(name)
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def conv(self, name: str, source: str, dilation: int = 1) -> str:
        names = [f"{name}.{key}" for key in ("weight", "bias") if f"{name}.{key}" in self.weights]
        kernel = self.weights[names[0]].shape[2]
        return self.node("Conv", [source, *map(self.weight, names)], name, dilations=[dilation], kernel_shape=[kernel])

    def remembering(self, state: str, frames: int, source: str, at: str) -> str:
        """`source` behind its remembered past, of which the last `frames` become the next state."""
        past = self.node("Concat", [state, source], f"{at}.past", axis=2)
        end = np.iinfo(np.int64).max
        bounds = {"start": -frames if frames else end, "end": end, "axis": 2}
        self.node("Slice", [past, *(self.constant(f"{at}.{k}", np.array([v])) for k, v in bounds.items())], NEXT + state)
        return past

    def activation(self, source: str, kind: str, slope: float, output: str) -> str:
        if kind == "linear":
            return source
        if kind == "silu":
            return self.node("Mul", [source, self.node("Sigmoid", [source], f"{output}.gate")], output)
        bounds = [self.constant(f"one{sign}", np.float32(f"{sign}1")) for sign in "-+"] if kind == "hard_tanh" else []
        attributes = {"alpha": slope} if kind == "leaky_relu" else {}
        return self.node(_OPERATORS[kind], [source, *bounds], output, **attributes)


def streaming_graph(config: Config, weights: Weights, precision: str = "fp32") -> onnx.ModelProto:
    """The streaming graph of a network, without the metadata of a file.

    Args:
        precision: How it holds the weights, which are rounded to it already (`fxlab.models.precision`).

    Shape:
        Inputs `dry` (channels, 1, frames), of a network with knobs `controls` (channels, knobs, as many frames or 1 where no
        knob moves), and the states of `config.state_shapes()` with a leading `channels`; output `wet` like `dry` and
        `next_<state>` per state. Before anything was heard the states are zeros.
    """
    if isinstance(config, AceConfig):
        from fxlab.engines.onnx_ace import model_graph  # which is built on this module

        return model_graph(config, weights)
    if isinstance(config, NetworkConfig):
        from fxlab.engines.onnx_traced import traced_graph

        traced = traced_graph(config, weights, precision, (AUDIO_IN, AUDIO_OUT, CONTROLS, NEXT), OPSET)
        traced.ir_version = IR_VERSION
        onnx.checker.check_model(traced)
        return traced
    g = _Graph(weights, precision)
    (_tcn if isinstance(config, TCNConfig) else _stack)(g, config)
    states = config.state_shapes()
    knobs = [_controls(config.controls)] if config.controls else []
    nodes = _used(g.nodes, {AUDIO_OUT} | {NEXT + name for name in states})
    needed = {name for node in nodes for name in node.input}
    unfold, small = packed({name: weights[name] for name in weights if name in g.packed & needed}, precision)
    graph = helper.make_graph(
        [*unfold, *nodes],
        config.kind,
        [_audio(AUDIO_IN), *knobs, *(_state(name, shape) for name, shape in states.items())],
        [_audio(AUDIO_OUT), *(_state(NEXT + name, shape) for name, shape in states.items())],
        [*small, *(constant for name, constant in g.constants.items() if name in needed)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fxlab")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model


def model_of(data: bytes, card: Card, source: str) -> Model:
    """The network back from its graph's weights; raises `InputError` when they don't fit its card."""
    config = config_of(card)
    loaded = onnx.load_model_from_string(data)
    if isinstance(config, AceConfig):
        from fxlab.engines.onnx_ace import weights_in

        return Model(config, checked(config, weights_in(loaded, source), source), card)
    graph, shapes = loaded.graph, config.weight_shapes()
    try:
        held = unpacked(graph)
    except (TypeError, ValueError):
        raise InputError(f"The weights in {source} can't be read.", "The file is damaged: copy or export it again.") from None
    weights = {name: array for name, array in held.items() if name in shapes}
    if any(array.dtype != np.float32 for array in weights.values()):
        raise InputError(f"The weights in {source} are not float32.", "The file is damaged: copy or export it again.")
    weights |= {name: np.zeros(shapes[name], np.float32) for name in _unheard(config) - weights.keys()}
    # Exports of version 0.1 hold a scalar as a vector of one.
    weights = {name: array[0] if array.shape == (1,) and not shapes[name] else array for name, array in weights.items()}
    return Model(config, checked(config, weights, source), card)


def _tcn(g: _Graph, config: TCNConfig) -> None:
    names, films = iter(config.state_shapes()), iter(_films(g, config))
    x, head = AUDIO_IN, ""
    for i, array in enumerate(config.arrays):
        x = g.conv(f"arrays.{i}.expand", x)
        for j, (dilation, history) in enumerate(zip(array.dilations, array.histories, strict=True)):
            at = f"arrays.{i}.layers.{j}"
            past = g.remembering(next(names), history, x, at)
            conv = g.conv(f"{at}.conv", past, dilation)
            mixed = g.node("Add", [conv, g.conv(f"{at}.mixin", AUDIO_IN)], f"{at}.mixed")
            if config.controls:
                mixed = g.node("Mul", [mixed, next(films)], f"{at}.scaled")
                mixed = g.node("Add", [mixed, next(films)], f"{at}.shifted")
            activation = _gated(g, mixed, array, at)
            head = g.node("Add", [head, activation], f"{at}.head") if head else activation
            x = g.node("Add", [x, g.conv(f"{at}.residual", activation)], f"{at}.out")
        at = f"arrays.{i}.head"
        head = g.remembering(next(names), array.head_kernel - 1, head, at) if array.head_kernel > 1 else head
        head = g.conv(at, head)
    g.node("Mul", [head, g.weight("scale")], AUDIO_OUT)


def _films(g: _Graph, config: TCNConfig) -> list[str]:
    """What scales and what shifts the pre-activations, of each layer in turn.

    All layers' come of one product, since a runtime spends longer on starting an operator than on a layer's share.
    """
    if not config.controls:
        return []
    hidden = g.node("Tanh", [g.conv("film", CONTROLS)], "film.hidden")
    widths = {f"arrays.{i}.layers.{j}": a.pre_activations for i, a in enumerate(config.arrays) for j in range(len(a.dilations))}
    first = np.concatenate([np.repeat([True, False], z) for z in widths.values()])
    rows = g.constant("films.rows", np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)]))
    weight, bias = (
        g.node("Gather", [g.node("Concat", [g.weight(f"{at}.film.{key}") for at in widths], f"films.{key}", axis=0), rows], key)
        for key in ("weight", "bias")
    )
    heights = g.constant("films.heights", np.array(list(widths.values())))
    parts = [[f"{at}.film.{part}" for at in widths] for part in ("scale", "offset")]
    g.nodes.append(helper.make_node("Split", [g.node("Conv", [hidden, weight, bias], "films")], ["logs", "offsets"], axis=1))
    for source, names in zip((g.node("Exp", ["logs"], "scales"), "offsets"), parts, strict=True):
        g.nodes.append(helper.make_node("Split", [source, heights], names, name=f"{source}.parts", axis=1))
    return [name for pair in zip(*parts, strict=True) for name in pair]


def _gated(g: _Graph, mixed: str, array: ArrayConfig, at: str) -> str:
    if not array.gated:
        return g.activation(mixed, array.activation, array.slope, f"{at}.activation")
    halves = [f"{at}.first", f"{at}.second"]
    g.nodes.append(helper.make_node("Split", [mixed], halves, name=f"{at}.halves", axis=1))
    gate = g.node("Sigmoid", [halves[1]], f"{at}.gate")
    return g.node("Mul", [g.activation(halves[0], array.activation, array.slope, f"{at}.filter"), gate], f"{at}.activation")


def _stack(g: _Graph, config: StackConfig) -> None:
    names = iter(config.state_shapes())
    x = _with_knobs(g, config) if config.controls else AUDIO_IN
    for i, layer in enumerate(config.layers):
        at = f"layers.{i}"
        states = [next(names) for _ in layer.state_shapes()]
        if layer.recurrent:
            x = _recurrent(g, layer, states, x, at)
            continue
        past = g.remembering(states[0], layer.history, x, at) if states else x
        weight, bias = g.weight(f"{at}.weight"), g.weight(f"{at}.bias")
        if layer.kind == "dense":
            weight = g.node("Unsqueeze", [weight, g.constant("time_axis", np.array([2]))], f"{at}.kernel")
        x = g.node("Conv", [past, weight, bias], f"{at}.out", dilations=[layer.dilation], kernel_shape=[layer.kernel_size])
        x = g.activation(x, layer.activation, 0.01, f"{at}.activation")
    if config.skip:
        g.node("Add", [x, AUDIO_IN], AUDIO_OUT)
    else:
        g.node("Identity", [x], AUDIO_OUT)


def _with_knobs(g: _Graph, config: StackConfig) -> str:
    """The dry signal and below it the knobs, for as many frames."""
    knobs = g.node("Expand", [CONTROLS, g.node("Shape", [AUDIO_IN], "dry.shape")], "controls.all")
    return g.node("Concat", [AUDIO_IN, knobs], "dry.controls", axis=1)


def _recurrent(g: _Graph, layer: LayerConfig, states: list[str], x: str, at: str) -> str:
    """An LSTM or GRU operator between transpositions: it wants time first, gates in its own order, biases in one vector."""
    rows = np.concatenate([np.arange(layer.outputs) + gate * layer.outputs for gate in _GATES[layer.kind]])
    order, front = g.constant(f"{at}.rows", rows), g.constant("front", np.array([0]))
    sorted_ = {k: g.node("Gather", [g.weight(f"{at}.{k}"), order], f"{at}.{k}.sorted") for k in layer.weight_shapes()}
    matrices = [g.node("Unsqueeze", [sorted_[k], front], f"{at}.{k}.onnx") for k in ("weight_ih", "weight_hh")]
    bias = g.node("Concat", [sorted_["bias_ih"], sorted_["bias_hh"]], f"{at}.biases", axis=0)
    bias = g.node("Unsqueeze", [bias, front], f"{at}.bias.onnx")
    source = g.node("Transpose", [x], f"{at}.in", perm=[2, 0, 1])
    initial = [g.node("Transpose", [state], f"{at}.{state}", perm=[2, 0, 1]) for state in states]
    last = [f"{at}.last_{state}" for state in states]
    attributes = {"linear_before_reset": 1} if layer.kind == "gru" else {}
    inputs = [source, *matrices, bias, "", *initial]
    g.nodes.append(
        helper.make_node(layer.kind.upper(), inputs, [f"{at}.all", *last], name=at, hidden_size=layer.outputs, **attributes)
    )
    for state, value in zip(states, last, strict=True):
        g.node("Transpose", [value], NEXT + state, perm=[1, 2, 0])
    every = g.node("Squeeze", [f"{at}.all", g.constant("direction_axis", np.array([1]))], f"{at}.sequence")
    return g.node("Transpose", [every], f"{at}.out", perm=[1, 2, 0])


def _unheard(config: Config) -> set[str]:
    """Weights that no output depends on, which the graph leaves out: the residual of a TCN's last layer."""
    if not isinstance(config, TCNConfig):
        return set()
    at = f"arrays.{len(config.arrays) - 1}.layers.{len(config.arrays[-1].dilations) - 1}.residual"
    return {f"{at}.weight", f"{at}.bias"}


def _used(nodes: list[onnx.NodeProto], wanted: set[str]) -> list[onnx.NodeProto]:
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            wanted = wanted | set(node.input)
            kept.append(node)
    return kept[::-1]


def _audio(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"])


def _controls(count: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(CONTROLS, TensorProto.FLOAT, ["channels", count, "control_frames"])


def _state(name: str, shape: tuple[int, int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", *shape])
