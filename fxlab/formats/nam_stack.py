"""LSTMs and impulse responses as Neural Amp Modeler writes them down: `StackConfig` in other words.

(NeuralAmpModelerCore: `NAM/lstm.cpp` has the order of the weights and starts every LSTM with half a second of silence;
`docs/linear.rst` says that an impulse response begins with the present sample.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fxlab.errors import UsageError
from fxlab.formats.fields import Unfit, numbers, only, truth, whole
from fxlab.formats.nam_silence import Cell, State, after_silence
from fxlab.models.model import Weights
from fxlab.models.stack_config import LayerConfig, StackConfig

_MOST_LAYERS = 32
_VERSION = "0.5.4"
_FORGOTTEN = 1e-5


def read_lstm(data: Mapping[str, Any], values: object, rate_hz: int) -> tuple[StackConfig, Weights]:
    """The network of a file's `config` and `weights`; raises `Unfit` for what fxlab can't play exactly.

    A file also says in which state its layers start. fxlab starts from zeros, and takes a file where half a second of
    silence makes that the same.
    """
    for key in ("input_size", "in_channels", "out_channels"):
        only(data, key, 1, "it")
    depth, hidden = whole(data, "num_layers", "it"), whole(data, "hidden_size", "it")
    if depth > _MOST_LAYERS:
        raise Unfit(f"it has more than {_MOST_LAYERS} layers")
    layers = (LayerConfig("lstm", 1 if i == 0 else hidden, hidden) for i in range(depth))
    size = f"lstm-{hidden}" if depth == 1 else f"lstm-{depth}x{hidden}"
    config = _checked((*layers, LayerConfig("dense", hidden, 1)), warm_up=rate_hz // 2, size=size)
    counts = [4 * hidden * (layer.inputs + hidden + 1) + 2 * hidden for layer in config.layers[:-1]]
    flat, weights, starts = numbers(values, sum(counts) + hidden + 1, "its LSTM"), {}, []
    for i, own in enumerate(np.split(flat, np.cumsum(counts))[:-1]):
        inputs = config.layers[i].inputs
        matrix, bias, h, c = np.split(own, np.cumsum([4 * hidden * (inputs + hidden), 4 * hidden, hidden]))
        matrix = matrix.reshape(4 * hidden, inputs + hidden)
        weights |= _layer(
            i, weight_ih=matrix[:, :inputs], weight_hh=matrix[:, inputs:], bias_ih=bias, bias_hh=np.zeros_like(bias)
        )
        starts.append((h, c))
    weights |= _layer(depth, weight=flat[None, -hidden - 1 : -1], bias=flat[-1:])
    _require_forgetting(config, weights, starts)
    return config, weights


def read_linear(data: Mapping[str, Any], values: object) -> tuple[StackConfig, Weights]:
    """The impulse response of a file's `config` and `weights`; raises `Unfit` for what fxlab can't play exactly."""
    for key in ("in_channels", "out_channels"):
        only(data, key, 1, "it")
    length, biased = whole(data, "receptive_field", "it"), truth(data, "bias", "it")
    config = _checked((LayerConfig("conv1d", 1, 1, kernel_size=length),), size=f"linear-{length}")
    flat = numbers(values, length + biased, "its impulse response")
    bias = flat[length:] if biased else np.zeros(1, np.float32)
    return config, _layer(0, weight=flat[None, None, length - 1 :: -1], bias=bias)


def stack_json(config: StackConfig, weights: Weights) -> dict[str, Any]:
    """`version`, `architecture`, `config` and `weights` of a file.

    Raises:
        UsageError: It is neither LSTM layers of one width with a dense output nor an impulse response.
    """
    *layers, last = config.layers
    of = {"version": _VERSION}
    if not config.skip and not layers and last == LayerConfig("conv1d", 1, 1, kernel_size=last.kernel_size):
        values = np.concatenate([weights["layers.0.weight"].ravel()[::-1], weights["layers.0.bias"]])
        about = {"receptive_field": last.kernel_size, "bias": True}
        return of | {"architecture": "Linear", "config": about, "weights": values.tolist()}
    hidden = last.inputs
    wanted = [LayerConfig("lstm", 1 if i == 0 else hidden, hidden) for i in range(len(layers))]
    if config.skip or not layers or layers != wanted or last != LayerConfig("dense", hidden, 1):
        kinds = ", ".join(layer.kind for layer in config.layers)
        raise UsageError(
            f"A .nam file can't hold this network: {kinds}{' and the dry signal' if config.skip else ''}.",
            "It holds WaveNets (`tcn`), LSTM layers with one linear output and impulse responses; export others as ONNX.",
        )
    cells = _cells(config, weights)
    starts = after_silence(cells, [(np.zeros((1, hidden)), np.zeros((1, hidden))) for _ in cells], config.warm_up)
    parts = []
    for cell, (h, c) in zip(cells, starts, strict=True):
        parts += [np.concatenate([cell.inputs, cell.recurrent]).T.ravel(), cell.bias, h[0], c[0]]
    parts += [weights[f"layers.{len(layers)}.{name}"].ravel() for name in ("weight", "bias")]
    about = {"input_size": 1, "hidden_size": hidden, "num_layers": len(layers)}
    values = np.concatenate(parts).astype(np.float32)
    return of | {"architecture": "LSTM", "config": about, "weights": values.tolist()}


def _checked(layers: tuple[LayerConfig, ...], **others: Any) -> StackConfig:
    config = StackConfig(layers, **others)
    try:
        config.check()
    except ValueError as wrong:
        raise Unfit(f"its sizes don't fit: {wrong}") from None
    return config


def _layer(i: int, **arrays: np.ndarray) -> Weights:
    return {f"layers.{i}.{name}": array for name, array in arrays.items()}


def _cells(config: StackConfig, weights: Weights) -> list[Cell]:
    cells = []
    for i in range(len(config.layers) - 1):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ih, hh, *biases = (weights[f"layers.{i}.{name}"].astype(np.float64) for name in names)
        cells.append(Cell(ih.T, hh.T, sum(biases)))
    return cells


def _require_forgetting(config: StackConfig, weights: Weights, starts: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Raises `Unfit` where silence doesn't lead from zeros to the sound that it leads to from a file's own start."""
    states: list[State] = [(np.stack((0 * h, h)), np.stack((0 * c, c))) for h, c in starts]
    (h, _) = after_silence(_cells(config, weights), states, config.warm_up)[-1]
    if not abs((h[1] - h[0]) @ weights[f"layers.{len(starts)}.weight"][0]) <= _FORGOTTEN:
        raise Unfit("its LSTM never forgets in which state it starts, and fxlab always starts from zeros")
