"""Which engines run networks block by block, and how to get a network's processor from one.

Other packages add theirs through the entry-point group `fxlab.engines`, each entry naming an `Engine`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fxlab.effects.registry import DSP_ENGINES
from fxlab.engines.network import NetworkProcessor
from fxlab.errors import MissingError
from fxlab.models.model import Config, Model
from fxlab.plugins import Registry, load

OWN_KINDS = ("tcn", "stack", "ace")
"""Networks that fxlab has written out itself; others are known by their torch form."""


@dataclass(frozen=True)
class Engine:
    """A way to run a network block by block.

    Args:
        name: As in `--engine NAME`.
        help: One line.
        processor: "module:callable" that takes a `Model` and gives its `NetworkProcessor`, not yet prepared. It must play
            what torch plays within 1e-5: before it is used it plays a model's golden vector, where there is none beside torch.
        plays: Whether it can run a network of such a configuration.
    """

    name: str
    help: str
    processor: str
    plays: Callable[[Config], bool] = lambda config: True


BUILT_IN = (
    Engine("fused", "Compiled loops.", "fxlab.engines.fused:fused_processor", lambda config: config.kind in OWN_KINDS),
    Engine("onnx", "ONNX Runtime.", "fxlab.engines.onnx_engine:onnx_processor"),
    Engine("torch", "torch, eagerly: the reference.", "fxlab.engines.torch_engine:torch_processor"),
    Engine("torchscript", "Traced.", "fxlab.engines.torch_engine:torchscript_processor", lambda config: config.kind != "ace"),
)
"""The fastest first."""
NETWORK_ENGINES = tuple(engine.name for engine in BUILT_IN)


def _check(found: Any, name: str) -> None:
    if not isinstance(found, Engine):
        raise TypeError(f"it is no Engine, but of type {type(found).__name__}")
    if found.name != name:
        raise ValueError(f"it calls itself '{found.name}'")


@functools.cache
def engines() -> Registry[Engine]:
    """Every engine by name: the built-in ones first, then those installed packages add."""
    return Registry("fxlab.engines", "engine", {engine.name: engine for engine in BUILT_IN}, _check, ("auto", *DSP_ENGINES))


def engines_for(config: Config) -> tuple[str, ...]:
    """Names of those that can run a network; a package's that can't be used is left out."""
    found = []
    for name, engine in engines().working()[0].items():
        try:
            if engine.plays(config):
                found.append(name)
        except Exception as error:  # whatever another package's function does
            engines().refuse(name, error)
    return tuple(found)


def network_processor(model: Model, engine: str, threads: int = 1) -> NetworkProcessor:
    """A network on an engine, not yet prepared.

    Args:
        threads: Threads that ONNX Runtime may use.

    Raises:
        UsageError: There is no such engine.
        MissingError: A package's engine that can't be used, or gives no `NetworkProcessor`.
    """
    make = load(engines().named(engine).processor)
    processor = make(model, threads) if engine == "onnx" else make(model)
    if not isinstance(processor, NetworkProcessor):
        raise MissingError(f"The engine '{engine}' gives no NetworkProcessor.", "Choose another --engine.")
    return processor
