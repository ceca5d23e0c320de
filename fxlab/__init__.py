"""fxlab: one lab for audio effects, as DSP and as neural networks.

The names below are the library's public face; each is imported when it is first used.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers and editors, which don't run `__getattr__`
    from fxlab.audio.files import read as read
    from fxlab.audio.writer import write as write
    from fxlab.effects.chain import Chain as Chain
    from fxlab.effects.contract import check_processor as check_processor
    from fxlab.effects.params import Choice as Choice
    from fxlab.effects.params import Param as Param
    from fxlab.effects.processor import Processor as Processor
    from fxlab.effects.processor import apply as apply
    from fxlab.effects.registry import Effect as Effect
    from fxlab.effects.registry import effect as effect
    from fxlab.engines.loader import open_processor as open_processor
    from fxlab.engines.network import NetworkProcessor as NetworkProcessor
    from fxlab.engines.registry import Engine as Engine
    from fxlab.errors import FxlabError as FxlabError
    from fxlab.metrics.quality import esr as esr
    from fxlab.metrics.quality import mr_stft as mr_stft
    from fxlab.metrics.quality import pre_emphasised_esr as pre_emphasised_esr
    from fxlab.models.network import Network as Network
    from fxlab.models.network_config import NetworkConfig as NetworkConfig
    from fxlab.models.registry import Architecture as Architecture
    from fxlab.models.registry import architecture as architecture
    from fxlab.models.registry import build as build
    from fxlab.verbs import dataset as dataset
    from fxlab.verbs import export as export
    from fxlab.verbs import grow as grow
    from fxlab.verbs import master as master
    from fxlab.verbs import train as train

# ONNX Runtime reports to its maker, and keeps a device's number for that, unless it is told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.8.0"

_HOME = {
    "effect": "fxlab.effects.registry",
    "open_processor": "fxlab.engines.loader",
    "apply": "fxlab.effects.processor",
    "Processor": "fxlab.effects.processor",
    "Chain": "fxlab.effects.chain",
    "architecture": "fxlab.models.registry",
    "build": "fxlab.models.registry",
    "read": "fxlab.audio.files",
    "write": "fxlab.audio.writer",
    "esr": "fxlab.metrics.quality",
    "pre_emphasised_esr": "fxlab.metrics.quality",
    "mr_stft": "fxlab.metrics.quality",
    "dataset": "fxlab.verbs",
    "train": "fxlab.verbs",
    "export": "fxlab.verbs",
    "master": "fxlab.verbs",
    "grow": "fxlab.verbs",
    "Effect": "fxlab.effects.registry",
    "Param": "fxlab.effects.params",
    "Choice": "fxlab.effects.params",
    "check_processor": "fxlab.effects.contract",
    "Architecture": "fxlab.models.registry",
    "Network": "fxlab.models.network",
    "NetworkConfig": "fxlab.models.network_config",
    "Engine": "fxlab.engines.registry",
    "NetworkProcessor": "fxlab.engines.network",
    "FxlabError": "fxlab.errors",
}

__all__ = list(_HOME)

if not TYPE_CHECKING:  # or any name would do for them

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(f"module 'fxlab' has no attribute '{name}'")
        return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
