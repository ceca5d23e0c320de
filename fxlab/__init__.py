"""fxlab: one lab for audio effects, as DSP and as neural networks.

The names below are the library's public face; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.6.0"

_HOME = {
    "effect": "fxlab.effects.registry",
    "open_processor": "fxlab.engines.loader",
    "apply": "fxlab.effects.processor",
    "Processor": "fxlab.effects.processor",
    "Chain": "fxlab.effects.chain",
    "architecture": "fxlab.models.registry",
    "build": "fxlab.models.registry",
    "read": "fxlab.audio.files",
    "esr": "fxlab.metrics.quality",
    "pre_emphasised_esr": "fxlab.metrics.quality",
    "mr_stft": "fxlab.metrics.quality",
    "FxlabError": "fxlab.errors",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'fxlab' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
