"""Which networks `fxlab train --model NAME` can train, and how to build one.

Other packages add theirs through the entry-point group `fxlab.models`, each entry naming an `Architecture`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fxlab.errors import UsageError
from fxlab.models import ace_config, stack_config, tcn_config
from fxlab.models.model import CONFIGS, Config
from fxlab.models.network_config import NetworkConfig
from fxlab.plugins import Registry, load

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "tcn": "fxlab.models.tcn:TCN",
    "stack": "fxlab.models.stack:Stack",
    "ace": "fxlab.models.ace:Ace",
    "master": "fxlab.mastering.network:MasterNet",
    "ddsp": "fxlab.timbre.ddsp:Ddsp",
}


@dataclass(frozen=True)
class Architecture:
    """A family of networks.

    Args:
        name: As in `--model NAME`.
        help: One line.
        sizes: Name to configuration; the first is the default.
    """

    name: str
    help: str
    sizes: Mapping[str, Config] = field(hash=False)

    def config(self, size: str = "auto") -> Config:
        """The configuration of a named size; raises `UsageError` for an unknown one."""
        if size == "auto":
            size = next(iter(self.sizes))
        if size not in self.sizes:
            raise UsageError(f"There is no {self.name} of size '{size}'.", f"Choose one of: {', '.join(self.sizes)}.")
        config = self.sizes[size]
        return dataclasses.replace(config, size=size) if isinstance(config, NetworkConfig) else config


BUILT_IN = (
    Architecture("tcn", "Causal dilated convolutions, laid out as Neural Amp Modeler's WaveNet.", tcn_config.SIZES),
    Architecture("lstm", "One LSTM layer and a dense output.", stack_config.LSTM_SIZES),
    Architecture("gru", "One GRU layer and a dense output.", stack_config.GRU_SIZES),
    Architecture("ace", "Auditory contrast enhancement, whose parameters are learnt.", ace_config.SIZES),
)


def _check(found: Any, name: str) -> None:
    if not isinstance(found, Architecture):
        raise TypeError(f"it is no Architecture, but of type {type(found).__name__}")
    if found.name != name or not found.sizes:
        raise ValueError(f"it calls itself '{found.name}'" if found.sizes else "it has no sizes")
    for config in found.sizes.values():
        if not (type(config) in CONFIGS.values() or (isinstance(config, NetworkConfig) and config.kind == name)):
            raise ValueError(f"{config!r} is no NetworkConfig of the kind '{name}'")


@functools.cache
def architectures() -> Registry[Architecture]:
    """Every architecture by name: the built-in ones first, then those installed packages add."""
    return Registry("fxlab.models", "model", {one.name: one for one in BUILT_IN}, _check, CONFIGS)


def architecture(name: str) -> Architecture:
    """The architecture called `name`; `UsageError` names the nearest one, `MissingError` a package whose own can't be used."""
    return architectures().named(name)


def build(config: Config) -> nn.Module:
    """The torch network of a configuration, freshly initialised."""
    path = config.network if isinstance(config, NetworkConfig) else NETWORKS[config.kind]
    network: nn.Module = load(path)(config)
    return network
