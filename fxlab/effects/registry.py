"""Which effects there are, and how to get one in any of its three forms.

An effect is a package `fxlab/effects/<name>/` that declares `EFFECT` in its `__init__` without importing anything heavy;
other packages add theirs through the entry-point group `fxlab.effects`, each entry naming such an `Effect`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fxlab.effects.params import Parameter, Value, resolve
from fxlab.effects.processor import Processor
from fxlab.errors import UsageError, nearest
from fxlab.plugins import Registry, load
from fxlab.shipped import SHIPPED

if TYPE_CHECKING:
    import torch

BUILT_IN = ("saturator", "clipper", "bitcrusher", "eq", "compressor", "imager", "convolver", "ace", "limiter")
DSP_ENGINES = ("numba", "numpy")


@dataclass(frozen=True)
class Effect:
    """An effect's declaration.

    Args:
        name: As in `--effect NAME`.
        help: One line.
        parameters: Everything that can be set, declared once.
        engines: Engine name ("numba", "numpy") to "module:Class" of a `Processor` that takes the parameters as keywords; the
            first is the default.
        module: "module:Class" of the differentiable torch form, an `nn.Module` with the same keywords plus
            `sample_rate_hz`, mapping (..., frames) to (..., frames); None where there is no such form.
        learnable: Names of parameters that a model of this effect learns, each as `Param.at(sigmoid(u))` of an unconstrained u.
    """

    name: str
    help: str
    parameters: tuple[Parameter, ...]
    engines: Mapping[str, str] = field(hash=False)
    module: str | None = None
    learnable: tuple[str, ...] = ()

    def resolve(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All parameter values, `given` validated over the defaults; raises `UsageError`."""
        return resolve(self.parameters, given, self.name)

    def processor(self, engine: str = "auto", **given: object) -> Processor:
        """A streaming processor; raises `UsageError` for an unknown engine or parameter."""
        if engine == "auto":
            engine = next(iter(self.engines))
        if engine not in self.engines:
            raise UsageError(f"The effect '{self.name}' has no engine '{engine}'.", nearest(engine, self.engines))
        made: Processor = load(self.engines[engine])(**self.resolve(given))
        return made

    def torch_module(self, sample_rate_hz: int, **given: object) -> torch.nn.Module:
        """The differentiable form at one sample rate; raises `UsageError` for an unknown parameter, and where there is none."""
        if self.module is None:
            raise UsageError(
                f"The {self.name} has no differentiable form.", "Nothing can be learnt through it: put it after the model."
            )
        made: torch.nn.Module = load(self.module)(sample_rate_hz=sample_rate_hz, **self.resolve(given))
        return made


def _check(found: Any, name: str) -> None:
    if not isinstance(found, Effect):
        raise TypeError(f"it is no Effect, but of type {type(found).__name__}")
    if found.name != name or not found.engines:
        raise ValueError(f"it calls itself '{found.name}'" if found.engines else "it has no engines")
    found.resolve({})


@functools.cache
def effects() -> Registry[Effect]:
    """Every effect by name: the built-in ones first, then those installed packages add."""
    built_in = {name: importlib.import_module(f"fxlab.effects.{name}").EFFECT for name in BUILT_IN}
    return Registry("fxlab.effects", "effect", built_in, _check, SHIPPED)


def effect(name: str) -> Effect:
    """The effect called `name`; raises `UsageError` naming the nearest one, `MissingError` for a package's that can't be used."""
    return effects().named(name)
