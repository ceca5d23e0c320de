"""A trained ACE as a streaming ONNX graph: its numbers become constants, its memories states, any block size.

The states are those of `fxlab.effects.ace.layout`, in double precision. What waits for its interval to be whole stays in one;
the whole intervals of a block are played by a Loop, a stretch of them at once (`onnx_ace_player`).
"""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper

from fxlab.effects.ace import LEARNABLE
from fxlab.effects.ace.bank import Bank, bank_of
from fxlab.effects.ace.design import Design, design
from fxlab.effects.ace.layout import state_shapes
from fxlab.engines.onnx_ace_parts import Nodes
from fxlab.engines.onnx_ace_player import Player
from fxlab.engines.onnx_graph import AUDIO_IN, AUDIO_OUT, IR_VERSION, NEXT, OPSET, TAIL
from fxlab.errors import InputError
from fxlab.models.ace_config import AceConfig, settings_of, tail_of
from fxlab.models.model import Weights

_LINKED = ("tce_followers", "followers", "heard")
_WEIGHTS = "weights"


def model_graph(config: AceConfig, weights: Weights) -> onnx.ModelProto:
    """The streaming graph of a trained ACE.

    Its tail and its unconstrained numbers are in the metadata, where a graph's unused constants would make a runtime complain.
    """
    settings = settings_of(config, weights)
    bands_db = settings.pop("bands_db", None)
    values = {name: np.float64(value) if name in LEARNABLE else value for name, value in settings.items()}
    bank = bank_of(config.sample_rate_hz, config.bands, config.latency_ms)
    numbers = design(np, values, bank, config.sample_rate_hz, bands_db)
    graph = ace_graph(numbers, bank, config.adapt, config.tce_carrier)
    graph.metadata_props.add(key=_WEIGHTS, value=json.dumps({name: array.tolist() for name, array in weights.items()}))
    graph.metadata_props.add(key=TAIL, value=str(tail_of(config, weights)))
    return graph


def weights_in(graph: onnx.ModelProto, source: str) -> Weights:
    """What `model_graph` put into the metadata; raises `InputError` where that can't be read; `source` names the file."""
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    try:
        held = json.loads(metadata[_WEIGHTS])
        with np.errstate(over="ignore"):  # what float32 can't hold isn't finite, and refused as that
            return {name: np.array(numbers, np.float32) for name, numbers in held.items()}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise InputError(f"The weights in {source} can't be read.", "The file is damaged: copy or export it again.") from None


def ace_graph(design: Design, bank: Bank, adapt: bool, carrier: str) -> onnx.ModelProto:
    """The streaming graph of an ACE.

    Args:
        design: Of NumPy numbers.
        adapt, carrier: The parameters `adapt` and `tce_carrier`.

    Shape:
        Inputs `dry` (channels, 1, frames) float32, frames at least 1, and the states of `layout.state_shapes` in their order
        with a leading `channels`, float64; outputs `wet` like `dry` and `next_<state>` per state.
        Channels are linked. Before anything was heard the states are zeros.
    """
    g, shapes = Nodes(), state_shapes(bank)
    finite = g("Less", g("Abs", AUDIO_IN), np.float32(np.inf))
    x = g("Cast", g("Where", finite, AUDIO_IN, np.float32(0.0)), to=TensorProto.DOUBLE)
    position = g("Cast", g.shaped(g.cut("position", 0, 0, 1), 1), to=TensorProto.INT64)
    x = g("Concat", g.cut("waiting", 2, 0, position), x, axis=2)
    total, interval = g("Add", position, g.cut(g("Shape", AUDIO_IN), 0, 2)), np.array([bank.interval])
    intervals = g("Div", total, interval)
    whole = g("Mul", intervals, interval)

    player = Player(g, design, bank, adapt, carrier)
    moved = [name for name in shapes if name not in ("position", "waiting", "ready")]
    body = player.body(g.cut(x, 2, 0, whole), moved)
    rounds = g("Div", g("Add", intervals, np.array([player.most - 1])), np.array([player.most]))
    begun = [g.cut(name, 0, 0, 1) if name in _LINKED else name for name in moved]
    *ended, played = g("Loop", g.shaped(rounds), np.bool_(True), *begun, "ready", outputs=len(moved) + 1, body=body)

    # What is played next stands behind what was ready; in the state, what isn't played yet stands where its input did.
    wet = g.cut(played, 2, position, total)
    g.nodes.append(helper.make_node("Cast", [wet], [AUDIO_OUT], name=AUDIO_OUT, to=TensorProto.FLOAT))
    following = dict(zip(moved, ended, strict=True))
    following |= {name: g("Expand", following[name], g("Shape", name)) for name in _LINKED}
    following["ready"] = g.cut(played, 2, -bank.interval)
    following["waiting"] = g.cut(g("Concat", x, "waiting", axis=2), 2, whole, g("Add", whole, interval))
    rest = g("Cast", g("Sub", total, whole), to=TensorProto.DOUBLE)
    following["position"] = g("Expand", rest, g("Shape", "position"))
    for name in shapes:
        g.named(following[name], NEXT + name)

    def audio(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"])

    def states(prefix: str) -> list[onnx.ValueInfoProto]:
        doubles = ((prefix + name, TensorProto.DOUBLE, ["channels", *shape]) for name, shape in shapes.items())
        return [helper.make_tensor_value_info(*double) for double in doubles]

    ins, outs = [audio(AUDIO_IN), *states("")], [audio(AUDIO_OUT), *states(NEXT)]
    graph = helper.make_graph(g.nodes, "ace", ins, outs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="fxlab")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
