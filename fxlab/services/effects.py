"""What `fxlab effects` answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.effects.params import Choice, FileParam, Param, Parameter, Value
from fxlab.effects.registry import Effect, effects
from fxlab.engines.loader import engines_of, model_path, open_processor, read_model
from fxlab.engines.registry import engines
from fxlab.models.ace_config import learnt
from fxlab.models.controls import Control, controls_of
from fxlab.models.model import kind_of
from fxlab.shipped import ABOUT, SHIPPED

RATE_HZ = 48_000
"""The sample rate that latency and tail are told for."""


@dataclass(frozen=True)
class Listing:
    """All effects and shipped models, by name, and what other packages add that can't be used, a sentence each."""

    effects: list[Effect]
    models: list[str]
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict:
        return {
            "effects": [_summary(one) for one in self.effects],
            "models": [{"name": name, "help": ABOUT[name], "engines": list(engines_of(name))} for name in self.models],
            "problems": self.problems,
        }


@dataclass(frozen=True)
class Description:
    """One effect and how it behaves with its default parameters.

    Attributes:
        latency: Delay in samples at `sample_rate_hz`.
        tail: Samples that ring on after the end of the input, at `sample_rate_hz`.
    """

    effect: Effect
    sample_rate_hz: int
    latency: int
    tail: int

    def learnt(self, parameter: Parameter) -> str | None:
        """How a parameter comes from an unconstrained number u when it is learnt; None for one that isn't."""
        if parameter.name not in self.effect.learnable:
            return None
        return "low * (high / low) ** sigmoid(u)" if parameter.scale == "log" else "low + (high - low) * sigmoid(u)"

    def to_json(self) -> dict:
        return {
            **_summary(self.effect),
            "sample_rate_hz": self.sample_rate_hz,
            "latency_samples": self.latency,
            "tail_samples": self.tail,
            "parameters": [
                _parameter(one) | ({"learnt": self.learnt(one)} if self.effect.learnable else {})
                for one in self.effect.parameters
            ],
        }


@dataclass(frozen=True)
class ModelDescription:
    """A network: what its card says, its delay and tail in samples at its own rate.

    Attributes:
        learnt: Of an ACE, its parameters and their values.
    """

    name: str
    path: Path
    engines: tuple[str, ...]
    card: dict[str, Any]
    latency: int
    tail: int
    learnt: list[tuple[Param, float]] = field(default_factory=list)

    @property
    def controls(self) -> tuple[Control, ...]:
        """Its knobs."""
        return controls_of(self.card)

    def to_json(self) -> dict:
        return {
            "name": self.name,
            "path": str(self.path),
            "engines": list(self.engines),
            "latency_samples": self.latency,
            "tail_samples": self.tail,
            "card": self.card,
            **({"learnt": [_learnt(one, value) for one, value in self.learnt]} if self.learnt else {}),
        }


def listing() -> Listing:
    """Every effect, the built-in ones first, and the models that come with fxlab."""
    (found, problems), (_, of_engines) = effects().working(), engines().working()
    return Listing(list(found.values()), [name for name in SHIPPED if model_path(name).is_file()], problems + of_engines)


def describe(name: str) -> Description | ModelDescription:
    """The effect, shipped model or model file called `name`.

    Raises:
        UsageError: There is none of that name.
        InputError: A model file that is missing or damaged.
    """
    if name not in effects():
        return _model(name)
    found = effects()[name]
    # Any engine has the same latency and tail; the plain one needs no compiler.
    processor = found.processor("numpy" if "numpy" in found.engines else next(iter(found.engines)))
    processor.prepare(RATE_HZ, channels=1, max_block=1)
    return Description(found, RATE_HZ, processor.latency, processor.tail)


def _model(name: str) -> ModelDescription:
    opened = open_processor(name)
    processor = opened.processor
    processor.prepare(processor.native_rate_hz or opened.card["sample_rate_hz"], channels=1, max_block=1)
    values: list[tuple[Param, float]] = []
    if kind_of(opened.card) == "ace":
        model = read_model(opened.path)[0]
        values = learnt(model.config, model.weights)
    engines = engines_of(name)
    return ModelDescription(opened.name, opened.path, engines, opened.card, processor.latency, processor.tail, values)


def _summary(one: Effect) -> dict:
    return {"name": one.name, "help": one.help, "engines": list(one.engines)}


def _learnt(one: Param, value: float) -> dict[str, Value]:
    return {"name": one.name, "value": value, "unit": one.unit, "low": one.low, "high": one.high, "help": one.help}


def _parameter(one: Parameter) -> dict[str, Value | list[Value]]:
    if isinstance(one, Choice):
        return {"name": one.name, "default": one.default, "options": list(one.options), "unit": one.unit, "help": one.help}
    if isinstance(one, FileParam):
        return {"name": one.name, "default": one.default, "built_in": list(one.built_in), "file": True, "help": one.help}
    return {
        "name": one.name,
        "default": one.default,
        "low": one.low,
        "high": one.high,
        "unit": one.unit,
        "scale": one.scale,
        "help": one.help,
    }
