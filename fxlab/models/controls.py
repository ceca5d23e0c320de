"""Knobs of a model: which effect parameters it was trained with, and how their values enter the network."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.effects.params import Param, Value, resolve
from fxlab.errors import InputError, UsageError

MOST = 16
"""Knobs that a network may have."""


@dataclass(frozen=True)
class Control:
    """A knob: a continuous parameter, and where in the model's effect chain it stands.

    Args:
        param: Its name, unit, default and the range that the model was trained on.
        stage: Number of the effect in the chain of the card's `effect`, from 0; None for a knob of a recorded device.
        parameter: What that effect calls it.
    """

    param: Param
    stage: int | None = None
    parameter: str = ""

    @property
    def name(self) -> str:
        return self.param.name

    def normalised(self, value: float) -> float:
        """A value in range as the network's input, -1 .. 1: by its share of the range, of a log parameter's octaves."""
        low, high = self.param.low, self.param.high
        if self.param.scale == "log":
            value, low, high = math.log(value), math.log(low), math.log(high)
        return 2.0 * (value - low) / (high - low) - 1.0 if high > low else 0.0

    def at(self, place: float) -> float:
        """The value whose normalised form is `place`, -1 .. 1."""
        low, high, share = self.param.low, self.param.high, (place + 1.0) / 2.0
        value = low * (high / low) ** share if self.param.scale == "log" else low + (high - low) * share
        return min(max(value, low), high)

    def to_json(self) -> dict[str, Any]:
        """As datasets and cards state it."""
        place = {} if self.stage is None else {"stage": self.stage, "parameter": self.parameter}
        return dataclasses.asdict(self.param) | place


def controls_of(about: Mapping[str, Any]) -> tuple[Control, ...]:
    """The knobs that a card, or a dataset's header, states under `controls`; raises `InputError` for what can't be any."""
    try:
        found = tuple(_control(item) for item in about.get("controls", ()))
        if len(found) > MOST or len({control.name for control in found}) < len(found):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise InputError(
            "The knobs that it states can't be understood.", "Make the dataset, or export the model, again."
        ) from None
    return found


def values_of(controls: Sequence[Control], given: Mapping[str, object]) -> dict[str, float]:
    """Every knob's value by name: the default, or what `given` says; `UsageError` for no such knob or a value out of range."""
    if given and not controls:
        raise UsageError(
            f"This model has no knobs: {', '.join(given)} can't be set.", "It plays the setting that it was trained on."
        )
    values = resolve([control.param for control in controls], given, "This model")
    return {name: float(value) for name, value in values.items()}


def settings_of(controls: Sequence[Control], values: Mapping[str, object]) -> np.ndarray:
    """The network's control inputs for values by name, float32 (controls,); what isn't named stands at its default.

    Raises:
        UsageError: A value out of range.
    """
    numbers = (control.param.parse(values.get(control.name, control.param.default)) for control in controls)
    return np.array([control.normalised(number) for control, number in zip(controls, numbers, strict=True)], np.float32)


def stages_of(effect: object) -> list[dict[str, Any]]:
    """An effect chain as cards and datasets state it, which it is checked to be; `ValueError` otherwise.

    Each stage has a name, perhaps an engine, and perhaps parameters by name: numbers, truth values and texts.
    """
    if not isinstance(effect, list):
        raise ValueError("no chain")
    for stage in effect:
        if not isinstance(stage, dict) or not isinstance(stage.get("name"), str) or not isinstance(stage.get("engine", ""), str):
            raise ValueError("a stage without a name")
        parameters = stage.get("parameters") or {}
        if not isinstance(parameters, dict) or not all(type(value) in (int, float, bool, str) for value in parameters.values()):
            raise ValueError("no parameters")
    return effect


def effect_at(card: Mapping[str, Any], values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """The effect chain that a card names, at the knobs' values by name; empty where it names none."""
    effect = copy.deepcopy(card.get("effect") or [])
    for control in controls_of(card):
        if control.stage is not None and control.stage < len(effect):
            parameters = effect[control.stage].setdefault("parameters", {})
            parameters[control.parameter] = values.get(control.name, control.param.default)
    return effect


def _control(item: Mapping[str, Any]) -> Control:
    numbers = {key: float(item[key]) for key in ("default", "low", "high")}
    texts = {key: item.get(key, "") for key in ("unit", "help", "parameter")}
    scale, stage = item.get("scale", "lin"), item.get("stage")
    named = isinstance(item["name"], str) and item["name"].isidentifier()
    sane = named and all(map(math.isfinite, numbers.values())) and scale in ("lin", "log", "db")
    ordered = numbers["low"] <= numbers["default"] <= numbers["high"] and (scale != "log" or numbers["low"] > 0)
    placed = stage is None or (type(stage) is int and stage >= 0 and bool(texts["parameter"]))
    if not (sane and ordered and placed and all(isinstance(text, str) for text in texts.values())):
        raise ValueError
    param = Param(name=item["name"], unit=texts["unit"], help=texts["help"], scale=scale, **numbers)
    return Control(param, stage, texts["parameter"])
