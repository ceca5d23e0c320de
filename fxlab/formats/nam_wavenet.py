"""WaveNets as Neural Amp Modeler writes them down: `TCNConfig` in other words.

Files of version 0.5 give an array one kernel size and the name of an activation; later ones lists with a value per layer,
activations with parameters, heads longer than a sample, and much that fxlab doesn't play and says so. (NeuralAmpModelerCore,
`NAM/wavenet/model.cpp`: `parse_config_json` reads both, `set_weights_` has the order of the weights.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fxlab.errors import UsageError
from fxlab.formats.fields import Unfit, numbers, only, section, truth, whole
from fxlab.models.model import Weights
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

_ACTIVATIONS = {
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "Hardtanh": "hard_tanh",
    "SiLU": "silu",
    "Softsign": "softsign",
    "Hardswish": "hard_swish",
}
_NAMES = {ours: theirs for theirs, ours in _ACTIVATIONS.items()}
_OF_OLD = ("tanh", "sigmoid", "relu", "hard_tanh")
_FIXED = {"Hardtanh": {"min_val": -1.0, "max_val": 1.0}, "Softsign": {"alpha": 1.0}}
_SLOPE = 0.01
_FILMS = (
    "conv_pre_film",
    "conv_post_film",
    "input_mixin_pre_film",
    "input_mixin_post_film",
    "activation_pre_film",
    "activation_post_film",
    "layer1x1_post_film",
    "head1x1_post_film",
)
_SLIMMING = "slice_channels_uniform"
_OLD_VERSION, _NEW_VERSION = "0.5.4", "0.7.0"


def read_wavenet(data: Mapping[str, Any], values: object) -> tuple[TCNConfig, Weights]:
    """The network of a file's `config` and `weights`; raises `Unfit` for what fxlab can't play exactly."""
    if data.get("condition_dsp") is not None:
        raise Unfit("its layers listen to another network (condition_dsp), which fxlab hasn't got")
    if data.get("head") is not None:
        raise Unfit("it has more layers behind its arrays (head), which fxlab hasn't got")
    only(data, "in_channels", 1, "it")
    layers = data.get("layers")
    if not isinstance(layers, list) or not all(isinstance(item, dict) for item in layers):
        raise Unfit("its layers are missing")
    arrays: list[ArrayConfig] = []
    for number, item in enumerate(layers, 1):
        arrays.append(_array(item, arrays[-1].channels if arrays else 1, f"array {number}"))
    size = next((name for name, known in SIZES.items() if known.arrays == tuple(arrays)), "custom")
    config = TCNConfig(tuple(arrays), size)
    try:
        config.check()
    except ValueError as wrong:
        raise Unfit(f"its sizes don't fit: {wrong}") from None
    flat, weights, taken = numbers(values, config.parameters_count, "its WaveNet"), {}, 0
    for name, shape in _in_their_order(config):
        count = int(np.prod(shape, dtype=np.int64))
        weights[name] = flat[taken : taken + count].reshape(shape)
        taken += count
    return config, weights


def wavenet_json(config: TCNConfig, weights: Weights) -> dict[str, Any]:
    """`version`, `architecture`, `config` and `weights` of a file: as old as can be, so that every plug-in reads it.

    Raises:
        UsageError: An activation that the format hasn't got.
    """
    for array in config.arrays:
        if array.activation not in _NAMES:
            raise UsageError(
                f"A .nam file can't hold the activation '{array.activation}'.", "Export it as ONNX or TorchScript instead."
            )
    old = all(map(_fits_old, config.arrays))
    inputs = [1, *(array.channels for array in config.arrays)]
    arrays = [(_old_array if old else _new_array)(*pair) for pair in zip(config.arrays, inputs, strict=False)]
    return {
        "version": _OLD_VERSION if old else _NEW_VERSION,
        "architecture": "WaveNet",
        "config": {"layers": arrays, "head": None, "head_scale": float(weights["scale"])},
        "weights": np.concatenate([weights[name].ravel() for name, _ in _in_their_order(config)]).tolist(),
    }


def plain_slopes(config: TCNConfig) -> TCNConfig:
    """Without the slopes that no activation uses, which files don't hold."""
    arrays = (array if array.activation == "leaky_relu" else replace(array, slope=_SLOPE) for array in config.arrays)
    return replace(config, arrays=tuple(arrays))


def _in_their_order(config: TCNConfig) -> list[tuple[str, tuple[int, ...]]]:
    shapes = config.weight_shapes()
    return [*((name, shape) for name, shape in shapes.items() if name != "scale"), ("scale", shapes["scale"])]


def _array(item: Mapping[str, Any], inputs: int, at: str) -> ArrayConfig:
    channels = whole(item, "channels", at)
    expected = {"input_size": inputs, "condition_size": 1, "bottleneck": channels, "groups_input": 1, "groups_input_mixin": 1}
    for key, wanted in expected.items():
        only(item, key, wanted, at)
    beside = section(item, "layer1x1", at)
    only(beside, "active", True, f"layer1x1 of {at}")
    only(beside, "groups", 1, f"layer1x1 of {at}")
    only(section(item, "head1x1", at), "active", False, f"head1x1 of {at}")
    for key in _FILMS:
        film = item.get(key)
        if film is not None and film is not False and not (isinstance(film, dict) and film.get("active") is False):
            raise Unfit(f"{at} is modulated ({key}), which fxlab doesn't play")
    slimming = section(item, "slimmable", at).get("method") or _SLIMMING
    if slimming != _SLIMMING:
        raise Unfit(f"{at} is slimmable by the unknown method {slimming!r:.40}")
    dilations = _wholes(item, "dilations", at)
    if ("kernel_size" in item) == ("kernel_sizes" in item):
        raise Unfit(f"{at} needs either kernel_size or kernel_sizes")
    kernels = (whole(item, "kernel_size", at),) if "kernel_size" in item else _wholes(item, "kernel_sizes", at)
    if "kernel_sizes" in item and len(kernels) != len(dilations):
        raise Unfit(f"{at} has {len(kernels)} kernel sizes for {len(dilations)} dilations")
    activation, slope = _activation(_of_all(item.get("activation"), len(dilations), "activations", at), at)
    head, head_kernel, head_bias = _head(item, at)
    return ArrayConfig(
        channels=channels,
        head=head,
        dilations=dilations,
        kernel_sizes=kernels,
        head_bias=head_bias,
        head_kernel=head_kernel,
        activation=activation,
        slope=slope,
        gated=_gated(item, len(dilations), at),
    )


def _head(item: Mapping[str, Any], at: str) -> tuple[int, int, bool]:
    """Outputs, kernel size and bias; where there is an object and the older entries, the object counts."""
    head = section(item, "head", at)
    if head:
        return whole(head, "out_channels", at), whole(head, "kernel_size", at), truth(head, "bias", at)
    return whole(item, "head_size", at), 1, truth(item, "head_bias", at)


def _gated(item: Mapping[str, Any], layers: int, at: str) -> bool:
    mode = _of_all(item.get("gating_mode"), layers, "gating modes", at)
    if mode is None:
        return "gated" in item and truth(item, "gated", at)
    if mode not in ("none", "gated"):
        raise Unfit(f"{at} is {mode!r:.40}, which fxlab doesn't play")
    if mode == "gated" and "secondary_activation" in item:
        gate = _of_all(item["secondary_activation"], layers, "secondary activations", at)
        if _activation(gate, at)[0] != "sigmoid":
            raise Unfit(f"{at} has a gate that is no sigmoid")
    return mode == "gated"


def _activation(described: object, at: str) -> tuple[str, float]:
    """Our name of an activation, and its slope below zero."""
    about = described if isinstance(described, dict) else {"type": described}
    name = about.get("type")
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise Unfit(f"{at} has the activation {name!r:.40}, which fxlab doesn't play")
    for key, wanted in _FIXED.get(name, {}).items():
        if about.get(key, wanted) != wanted:
            raise Unfit(f"{at} has the activation {name} with another {key} than {wanted:g}, which fxlab doesn't play")
    slope = about.get("negative_slope", _SLOPE) if name == "LeakyReLU" else _SLOPE
    if type(slope) not in (int, float):
        raise Unfit(f"{at} has {slope!r:.40} as its negative_slope")
    return _ACTIVATIONS[name], slope


def _of_all(value: object, layers: int, what: str, at: str) -> object:
    """What all layers of an array have in common, whether it is given once or for each."""
    if not isinstance(value, list):
        return value
    if len(value) != layers or any(other != value[0] for other in value):
        raise Unfit(f"the {what} of {at} differ, or are not one per layer")
    return value[0] if value else None


def _wholes(item: Mapping[str, Any], key: str, at: str) -> tuple[int, ...]:
    values = item.get(key)
    if not isinstance(values, list) or not values or any(type(value) is not int for value in values):
        raise Unfit(f"the {key} of {at} are not whole numbers")
    return tuple(values)


def _fits_old(array: ArrayConfig) -> bool:
    return len(set(array.kernel_sizes)) == 1 and array.head_kernel == 1 and array.activation in _OF_OLD


def _old_array(array: ArrayConfig, inputs: int) -> dict[str, Any]:
    described = {
        "input_size": inputs,
        "condition_size": 1,
        "head_size": array.head,
        "channels": array.channels,
        "kernel_size": array.kernel_sizes[0],
        "dilations": list(array.dilations),
        "activation": _NAMES[array.activation],
        "gated": array.gated,
        "head_bias": array.head_bias,
    }
    # NAM's trainer from 0.13 on reads the head from here only, and older programs pass over it. It wouldn't see the gates.
    return described if array.gated else described | {"head": _head_json(array)}


def _new_array(array: ArrayConfig, inputs: int) -> dict[str, Any]:
    layers = len(array.dilations)
    slope = {"negative_slope": array.slope} if array.activation == "leaky_relu" else {}
    return {
        "input_size": inputs,
        "condition_size": 1,
        "head": _head_json(array),
        "channels": array.channels,
        "kernel_sizes": list(array.kernel_sizes),
        "dilations": list(array.dilations),
        "activation": [{"type": _NAMES[array.activation], **slope}] * layers,
        "bottleneck": array.channels,
        "head1x1": {"active": False, "out_channels": 1, "groups": 1},
        "layer1x1": {"active": True, "groups": 1},
        "groups_input": 1,
        "groups_input_mixin": 1,
        **{key: {"active": False, "shift": True, "groups": 1} for key in _FILMS},
        "gating_mode": ["gated" if array.gated else "none"] * layers,
        "secondary_activation": [{"type": "Sigmoid"} if array.gated else None] * layers,
        "slimmable": None,
    }


def _head_json(array: ArrayConfig) -> dict[str, Any]:
    return {"out_channels": array.head, "kernel_size": array.head_kernel, "bias": array.head_bias}
