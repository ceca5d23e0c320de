"""What `fxlab effects` answers."""

from __future__ import annotations

from dataclasses import dataclass

from fxlab.effects.params import Choice, Parameter, Value
from fxlab.effects.registry import Effect, effect, effects

RATE_HZ = 48_000
"""The sample rate that latency and tail are told for."""


@dataclass(frozen=True)
class Listing:
    """All effects that have a name."""

    effects: list[Effect]

    def to_json(self) -> dict:
        return {"effects": [_summary(one) for one in self.effects]}


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

    def to_json(self) -> dict:
        return {
            **_summary(self.effect),
            "sample_rate_hz": self.sample_rate_hz,
            "latency_samples": self.latency,
            "tail_samples": self.tail,
            "parameters": [_parameter(one) for one in self.effect.parameters],
        }


def listing() -> Listing:
    """Every effect, the built-in ones first."""
    return Listing(list(effects().values()))


def describe(name: str) -> Description:
    """The effect called `name`; raises `UsageError` where there is none."""
    found = effect(name)
    # Any engine has the same latency and tail; the plain one needs no compiler.
    processor = found.processor("numpy" if "numpy" in found.engines else next(iter(found.engines)))
    processor.prepare(RATE_HZ, channels=1, max_block=1)
    return Description(found, RATE_HZ, processor.latency, processor.tail)


def _summary(one: Effect) -> dict:
    return {"name": one.name, "help": one.help, "engines": [*one.engines, "torch"]}


def _parameter(one: Parameter) -> dict[str, Value | list[Value]]:
    if isinstance(one, Choice):
        return {"name": one.name, "default": one.default, "options": list(one.options), "unit": one.unit, "help": one.help}
    return {
        "name": one.name,
        "default": one.default,
        "low": one.low,
        "high": one.high,
        "unit": one.unit,
        "scale": one.scale,
        "help": one.help,
    }
