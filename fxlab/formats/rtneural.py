"""RTNeural's JSON: dense, recurrent and causal convolutional layers in a row, their weights laid out as Keras has them.

(J. Chowdhury, "RTNeural: fast neural inferencing for real-time systems", 2021; `RTNeural/model_loader.h` says what is read.)
AIDA-X adds to the same file a rate, gains in dB and `in_skip`: the input is added to the output. fxlab adds its card and a
golden vector under the key "fxlab", which other programs pass over.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import InputError, UsageError
from fxlab.formats.card import Vector, foreign_card, own_card, refuse_knobs
from fxlab.formats.fields import Unfit, numbers
from fxlab.formats.json_file import read_json
from fxlab.models.model import Config, Model, Weights, checked
from fxlab.models.stack_config import LayerConfig, Shape, StackConfig

_HINT = "fxlab plays RTNeural's JSON of dense, LSTM, GRU and conv1d layers with one input and one output."
_KINDS = {"dense": "dense", "time-distributed-dense": "dense", "lstm": "lstm", "gru": "gru", "conv1d": "conv1d"}
_ACTIVATIONS = {"": "linear", "tanh": "tanh", "relu": "relu", "sigmoid": "sigmoid"}
_NAMES = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}
_RATES = ("samplerate", "sample_rate")
_RATE_HZ = 48_000

# torch's order of gates by their position in Keras', and the other way round: i, f, c, o and z, r, h to r, z, n.
_GATES = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}


def read_rtneural(path: Path) -> tuple[Model, Vector | None]:
    """The network in a file and, where fxlab wrote it, its golden vector.

    Everything is checked before a weight is converted. The files don't have to name their rate: 48 kHz is assumed.

    Raises:
        InputError: Not RTNeural's JSON, damaged, of layers that fxlab hasn't got, or of more than one input or output.
    """
    data = read_json(path, _HINT)
    if "model_data" in data and "state_dict" in data:
        raise InputError(
            f"{path} holds a network as GuitarML and CoreAudioML's trainers save it, not RTNeural's JSON.",
            "Convert it with the trainer's own modelToKeras.py.",
        )
    try:
        return _model(data, str(path))
    except Unfit as wrong:
        raise InputError(f"{path} can't be played: {wrong}.", _HINT) from None


def rtneural_json(model: Model, golden: Vector | None = None) -> str:
    """The file's text.

    Raises:
        UsageError: RTNeural's JSON can't hold such a network.
        InputError: The card holds NaN or infinity.
    """
    config = model.config
    refuse_knobs(model, "RTNeural's JSON")
    if not isinstance(config, StackConfig):
        raise UsageError(
            f"RTNeural's JSON can't hold a network of type '{config.kind}': it has layers in a row, no residual connections.",
            "Choose another --format, or train `--model lstm` or `--model gru`.",
        )
    data: dict[str, Any] = {"in_shape": [None, None, 1]}
    if config.skip:
        data["in_skip"] = 1
    data["layers"] = [_their_layer(layer, model.weights, f"layers.{i}") for i, layer in enumerate(config.layers)]
    data["samplerate"] = model.card["sample_rate_hz"]
    data["fxlab"] = {"card": model.card, "golden": golden}
    try:
        return json.dumps(data, allow_nan=False)
    except ValueError:
        raise InputError("The model's card holds figures that are not finite numbers.", "Train it again.") from None


def _model(data: Mapping[str, Any], source: str) -> tuple[Model, Vector | None]:
    inputs, items = data.get("in_shape"), data.get("layers")
    if inputs is None or not isinstance(items, list) or not items:
        raise Unfit("it has no `in_shape` or no `layers`")
    if _last(inputs, "in_shape") != 1:
        raise Unfit(f"it takes {_last(inputs, 'in_shape')} inputs, audio and knobs perhaps")
    found = _layers(items)
    config = StackConfig(tuple(layer for layer, _ in found), skip=_skip(data))
    try:
        config.check()
    except ValueError as wrong:
        raise Unfit(str(wrong)) from None
    weights: Weights = {}
    for i, (layer, item) in enumerate(found):
        weights |= {f"layers.{i}.{name}": array for name, array in _our_weights(layer, item).items()}
    _apply_gains(config, weights, *(_gain(data, key) for key in ("in_gain", "out_gain")))
    card, golden = foreign_card(config, _rate_hz(data), "rtneural", {k: v for k, v in data.items() if k != "fxlab"}), None
    if data.get("fxlab") is not None:
        config, card, golden = own_card(data["fxlab"], config, card, _same)
    return Model(config, checked(config, weights, source), card), golden


def _same(described: Config, config: Config) -> bool:
    """Whether a card describes the network of its file, which knows neither a size's name nor a warm-up."""
    both = isinstance(described, StackConfig) and isinstance(config, StackConfig)
    return both and (described.layers, described.skip) == (config.layers, config.skip)


def _layers(items: list[object]) -> list[tuple[LayerConfig, Mapping[str, Any]]]:
    """Each layer's configuration with what holds its weights; activations that are layers of their own join the one before."""
    found: list[tuple[LayerConfig, Mapping[str, Any]]] = []
    width = 1
    for number, item in enumerate(items, 1):
        kind = item.get("type") if isinstance(item, dict) else None
        if kind not in (*_KINDS, "activation"):
            raise Unfit(f"layer {number} is of the type {kind!r:.40}, which fxlab hasn't got")
        at = f"layer {number} ({kind})"
        outputs, named = _last(item.get("shape"), f"shape of {at}"), item.get("activation") or ""
        if not isinstance(named, str) or named not in _ACTIVATIONS:
            raise Unfit(f"{at} has the activation {named!r:.40}, which fxlab doesn't play in such files")
        activation = _ACTIVATIONS[named]
        if kind == "activation":
            if not found or found[-1][0].recurrent or found[-1][0].activation != "linear" or outputs != width:
                raise Unfit(f"{at} doesn't follow a dense or conv1d layer of its width that has no activation yet")
            layer, weights = found[-1]
            found[-1] = dataclasses.replace(layer, activation=activation), weights
            continue
        layer = LayerConfig(_KINDS[kind], width, outputs, activation)
        if layer.recurrent:
            if named not in ("", "tanh"):  # files say one or the other, and RTNeural plays tanh either way
                raise Unfit(f"{at} has another activation than tanh")
            layer = dataclasses.replace(layer, activation="linear")
        if layer.kind == "conv1d":
            if item.get("groups", 1) != 1:
                raise Unfit(f"{at} has groups")
            kernel, dilation = (_last(item.get(key), f"{key} of {at}") for key in ("kernel_size", "dilation"))
            layer = dataclasses.replace(layer, kernel_size=kernel, dilation=dilation)
        found.append((layer, item))
        width = outputs
    return found


def _their_shapes(layer: LayerConfig) -> tuple[Shape, ...]:
    """Of the weights in a file."""
    inputs, outputs = layer.inputs, layer.outputs
    if not layer.recurrent:
        return ((layer.kernel_size,) if layer.kind == "conv1d" else ()) + (inputs, outputs), (outputs,)
    columns = len(_GATES[layer.kind]) * outputs
    return (inputs, columns), (outputs, columns), (2, columns) if layer.kind == "gru" else (columns,)


def _rows(layer: LayerConfig) -> np.ndarray:
    return np.concatenate([np.arange(layer.outputs) + gate * layer.outputs for gate in _GATES[layer.kind]])


def _our_weights(layer: LayerConfig, item: Mapping[str, Any]) -> Weights:
    held, shapes = item.get("weights"), _their_shapes(layer)
    at = f"a {layer.kind} layer from {layer.inputs} to {layer.outputs} values"
    if not isinstance(held, list) or len(held) != len(shapes):
        raise Unfit(f"the weights of {at} are not {len(shapes)} arrays")
    kernel, *others = (_array(values, shape, at) for values, shape in zip(held, shapes, strict=True))
    if not layer.recurrent:
        return {"weight": kernel.T, "bias": others[0]}
    recurrent, bias = others
    bias_ih, bias_hh = bias if layer.kind == "gru" else (bias, np.zeros_like(bias))
    arrays = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": bias_ih, "bias_hh": bias_hh}
    return {name: array[_rows(layer)] for name, array in arrays.items()}


def _their_layer(layer: LayerConfig, weights: Weights, at: str) -> dict[str, Any]:
    if layer.activation not in _NAMES:
        raise UsageError(
            f"RTNeural's JSON can't hold the activation '{layer.activation}'.", "Export it as ONNX or TorchScript instead."
        )
    ours = {name: weights[f"{at}.{name}"].astype(np.float64) for name in layer.weight_shapes()}
    about: dict[str, Any] = {"type": layer.kind, "activation": _NAMES[layer.activation], "shape": [None, None, layer.outputs]}
    if not layer.recurrent:
        if layer.kind == "conv1d":
            about |= {"kernel_size": [layer.kernel_size], "dilation": [layer.dilation]}
        return about | {"weights": [ours["weight"].T.tolist(), ours["bias"].tolist()]}
    kernel, recurrent, bias_ih, bias_hh = (ours[name][_rows(layer)] for name in layer.weight_shapes())
    bias = np.stack((bias_ih, bias_hh)) if layer.kind == "gru" else bias_ih + bias_hh
    return about | {"activation": "tanh", "weights": [kernel.T.tolist(), recurrent.T.tolist(), bias.tolist()]}


def _array(values: object, shape: Shape, at: str) -> np.ndarray:
    """Nested lists as float32, checked level by level before an array is made of them."""
    level = [values]
    for n in shape:
        if not all(isinstance(row, list) and len(row) == n for row in level):
            raise Unfit(f"the weights of {at} don't have the shape {shape}")
        level = [value for row in level for value in row]
    return numbers(level, len(level), at).reshape(shape)


def _apply_gains(config: StackConfig, weights: Weights, first: float, last: float) -> None:
    """Makes gains on the way in and out part of the first and of the last layer's weights."""
    if first == last == 1.0:
        return
    end = config.layers[-1]
    if config.skip or end.recurrent or end.activation != "linear":
        raise Unfit("it has gains (`in_gain`, `out_gain`) that its layers can't take over")
    with np.errstate(over="ignore"):  # infinite weights are refused
        weights["layers.0.weight_ih" if config.layers[0].recurrent else "layers.0.weight"] *= first
        for name in ("weight", "bias"):
            weights[f"layers.{len(config.layers) - 1}.{name}"] *= last


def _gain(data: Mapping[str, Any], key: str) -> float:
    gain_db = data.get(key) or 0.0
    if type(gain_db) not in (int, float) or not -120.0 <= gain_db <= 120.0:
        raise Unfit(f"its `{key}` is no gain in dB")
    return math.pow(10.0, gain_db / 20.0)


def _skip(data: Mapping[str, Any]) -> bool:
    skip = data.get("in_skip", 0)
    if type(skip) is not int or skip not in (0, 1):
        raise Unfit("its `in_skip` is neither 0 nor 1")
    return bool(skip)


def _rate_hz(data: Mapping[str, Any]) -> int:
    about = data.get("metadata")
    places = (about, data) if isinstance(about, dict) else (data,)
    rate = next((place[key] for place in places for key in _RATES if place.get(key) is not None), _RATE_HZ)
    try:
        value = float(rate)  # some files have it as text
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not MIN_RATE_HZ <= value <= MAX_RATE_HZ or value != int(value):
        raise Unfit(f"its sample rate is {rate!r:.40}")
    return int(value)


def _last(value: object, name: str) -> int:
    """The last of a shape's numbers, or the number itself."""
    last = value[-1] if isinstance(value, list) and value else value
    if type(last) is not int or last < 1:
        raise Unfit(f"the {name} can't be {value!r:.40}")
    return last
