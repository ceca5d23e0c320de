"""A network with knobs at one setting as a network without: for formats that have no place for knobs, and in the same words.

Nothing is trained or approximated: what knobs do at one setting is part of the weights of the layers that they act on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fxlab.errors import UsageError
from fxlab.models.controls import controls_of, effect_at, settings_of, values_of
from fxlab.models.model import Card, Config, Model, Weights, describe
from fxlab.models.stack_config import StackConfig
from fxlab.models.tcn_config import TCNConfig

_OF_KNOBS = ("controls", "precision", "rounding_esr")


def frozen(model: Model, values: Mapping[str, object]) -> Model:
    """The network that plays what `model` plays while its knobs stand at `values`, by name; others stand at their defaults.

    Weights that were rounded aren't any more. The card says under `frozen` at what values.

    Raises:
        UsageError: A knob that the model hasn't got, or a value out of its range.
    """
    controls = controls_of(model.card)
    stated = values_of(controls, values)
    if not controls:
        return model
    if not isinstance(model.config, (TCNConfig, StackConfig)):
        raise UsageError(f"The knobs of a '{model.config.kind}' can't be frozen.", "Leave out --set.")
    places, config = settings_of(controls, stated).astype(np.float64), model.config.with_controls(0)
    fold = _tcn if isinstance(config, TCNConfig) else _stack
    weights = {name: np.asarray(array, np.float32) for name, array in fold(model, config, places).items()}
    return Model(config, weights, _card(model.card, config, stated))


def _tcn(model: Model, config: TCNConfig, places: np.ndarray) -> Weights:
    units = np.tanh(model.weights["film.weight"][:, :, 0] @ places + model.weights["film.bias"])
    weights = {name: model.weights[name].astype(np.float64) for name in config.weight_shapes()}
    for i, array in enumerate(config.arrays):
        for j in range(len(array.dilations)):
            at = f"arrays.{i}.layers.{j}"
            logs, offsets = np.split(model.weights[f"{at}.film.weight"][:, :, 0] @ units + model.weights[f"{at}.film.bias"], 2)
            for name in ("conv.weight", "conv.bias", "mixin.weight"):
                shape = -1, *[1] * (weights[f"{at}.{name}"].ndim - 1)
                weights[f"{at}.{name}"] *= np.exp(logs).reshape(shape)
            weights[f"{at}.conv.bias"] += offsets
    return weights


def _stack(model: Model, config: Config, places: np.ndarray) -> Weights:
    weight, bias = ("weight_ih", "bias_ih") if config.layers[0].recurrent else ("weight", "bias")
    full, old = (model.weights[f"layers.0.{name}"] for name in (weight, bias))
    taps = full.reshape(*full.shape[:2], -1).astype(np.float64)
    return model.weights | {f"layers.0.{weight}": full[:, :1], f"layers.0.{bias}": old + taps[:, 1:].sum(axis=2) @ places}


def _card(card: Card, config: Config, values: dict[str, object]) -> Card:
    counts = {"parameters_count": config.parameters_count, "macs_per_sample": config.macs_per_sample}
    kept = {name: said for name, said in card.items() if name not in _OF_KNOBS}
    kept |= {name: count for name, count in counts.items() if name in card}
    if card.get("effect"):
        kept["effect"] = effect_at(card, values)
    return kept | {"model": describe(config), "frozen": values}
