"""Which networks `fxlab train --model NAME` can train, and how to build one.

Third parties add theirs through the entry-point group `fxlab.models`, each entry naming an `Architecture`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from fxlab.errors import UsageError, nearest
from fxlab.models import ace_config, stack_config, tcn_config
from fxlab.models.model import Config

if TYPE_CHECKING:
    from torch import nn

NETWORKS = {
    "tcn": "fxlab.models.tcn:TCN",
    "stack": "fxlab.models.stack:Stack",
    "ace": "fxlab.models.ace:Ace",
    "master": "fxlab.mastering.network:MasterNet",
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
            return next(iter(self.sizes.values()))
        if size not in self.sizes:
            raise UsageError(f"There is no {self.name} of size '{size}'.", f"Choose one of: {', '.join(self.sizes)}.")
        return self.sizes[size]


BUILT_IN = (
    Architecture("tcn", "Causal dilated convolutions, laid out as Neural Amp Modeler's WaveNet.", tcn_config.SIZES),
    Architecture("lstm", "One LSTM layer and a dense output.", stack_config.LSTM_SIZES),
    Architecture("gru", "One GRU layer and a dense output.", stack_config.GRU_SIZES),
    Architecture("ace", "Auditory contrast enhancement, whose parameters are learnt.", ace_config.SIZES),
)


@functools.cache
def architectures() -> dict[str, Architecture]:
    """Every architecture by name: the built-in ones first, then those installed packages add."""
    found = {architecture.name: architecture for architecture in BUILT_IN}
    for entry in entry_points(group="fxlab.models"):
        found.setdefault(entry.name, entry.load())
    return found


def architecture(name: str) -> Architecture:
    """The architecture called `name`; raises `UsageError` naming the nearest one."""
    if name not in architectures():
        raise UsageError(f"There is no model '{name}' to train.", nearest(name, architectures()))
    return architectures()[name]


def build(config: Config) -> nn.Module:
    """The torch network of a configuration, freshly initialised."""
    module, _, name = NETWORKS[config.kind].partition(":")
    return getattr(importlib.import_module(module), name)(config)
