"""Which effects there are, and how to get one in any of its three forms.

An effect is a package `fxlab/effects/<name>/` that declares `EFFECT` in its `__init__` without importing anything heavy;
third parties add theirs through the entry-point group `fxlab.effects`, each entry naming such an `Effect`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fxlab.effects.params import Parameter, Value, resolve
from fxlab.effects.processor import Processor
from fxlab.errors import UsageError, nearest

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
        engines: Engine name ("numba", "numpy") to "module:Class" of a `Processor` that takes the parameters as keywords.
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

    def processor(self, engine: str = "numba", **given: object) -> Processor:
        """A streaming processor; raises `UsageError` for an unknown engine or parameter."""
        if engine not in self.engines:
            raise UsageError(f"The effect '{self.name}' has no engine '{engine}'.", nearest(engine, self.engines))
        return _load(self.engines[engine])(**self.resolve(given))

    def torch_module(self, sample_rate_hz: int, **given: object) -> torch.nn.Module:
        """The differentiable form at one sample rate; raises `UsageError` for an unknown parameter, and where there is none."""
        if self.module is None:
            raise UsageError(
                f"The {self.name} has no differentiable form.", "Nothing can be learnt through it: put it after the model."
            )
        return _load(self.module)(sample_rate_hz=sample_rate_hz, **self.resolve(given))


def _load(path: str):
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@functools.cache
def effects() -> dict[str, Effect]:
    """Every effect by name: the built-in ones first, then those installed packages add."""
    found = {name: importlib.import_module(f"fxlab.effects.{name}").EFFECT for name in BUILT_IN}
    for entry in entry_points(group="fxlab.effects"):
        found.setdefault(entry.name, entry.load())
    return found


def effect(name: str) -> Effect:
    """The effect called `name`; raises `UsageError` naming the nearest one."""
    if name not in effects():
        raise UsageError(f"There is no effect '{name}'.", nearest(name, effects()))
    return effects()[name]
