"""A trained network as a value: its configuration, its weights, its card. Engines and file formats are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.errors import InputError
from fxlab.mastering.config import MasterConfig
from fxlab.models.ace_config import AceConfig
from fxlab.models.controls import stages_of
from fxlab.models.network_config import NetworkConfig
from fxlab.models.stack_config import StackConfig
from fxlab.models.tcn_config import TCNConfig
from fxlab.timbre.config import InstrumentConfig

Card = dict[str, Any]
Config = TCNConfig | StackConfig | AceConfig | MasterConfig | InstrumentConfig | NetworkConfig
Weights = dict[str, np.ndarray]

CARD_FORMAT = "fxlab-card"
_CONFIGS: tuple[type[Config], ...] = (TCNConfig, StackConfig, AceConfig, MasterConfig, InstrumentConfig)
CONFIGS = {config.kind: config for config in _CONFIGS}


@dataclass(frozen=True)
class Model:
    """A network that maps mono audio to mono audio, decides how to master a song, or plays an instrument.

    Args:
        config: What it looks like.
        weights: float32 arrays by the names and in the shapes of `config.weight_shapes()`.
        card: Sample rate, latency, effect, data, metrics, licence.
    """

    config: Config
    weights: Weights
    card: Card


def describe(config: Config) -> dict[str, Any]:
    """What a card says about the architecture; `config_of` reads it back."""
    return {"type": config.kind, "size": config.size, "config": config.to_json()}


def title(card: Card) -> str:
    """What a card's architecture is called, such as "tcn nano" or "lstm-16"."""
    kind, size = card["model"]["type"], card["model"]["size"]
    return size if kind == StackConfig.kind and size != "custom" else f"{kind} {size}"


def _class_of(kind: str) -> type[Config] | None:
    """The class of a kind's configurations, None for an unknown kind; `MissingError` for a package's that can't be used."""
    if kind in CONFIGS:
        return CONFIGS[kind]
    from fxlab.models.registry import architectures  # which is built on this module

    sizes = architectures()[kind].sizes.values() if kind in architectures() else ()
    return next((type(config) for config in sizes if config.kind == kind), None)


def kind_of(card: Card) -> str | None:
    """The kind of configuration that a card names, None where it names none that is known."""
    described = card.get("model")
    kind = described.get("type") if isinstance(described, dict) else None
    return kind if isinstance(kind, str) and _class_of(kind) else None


def is_foreign(card: Card) -> bool:
    """Whether a card names the architecture of another package, which is installed."""
    return kind_of(card) not in (None, *CONFIGS)


def config_of(card: Card) -> Config:
    """The configuration that a card describes.

    Raises:
        InputError: An unknown architecture, impossible sizes, or a card that says of effect, figures and owners what can't be.
    """
    _check_said(card)
    kind = kind_of(card)
    known = _class_of(kind) if kind else None
    if known is None or not isinstance(card["model"].get("size"), str):
        raise InputError("The model is of an architecture that this fxlab doesn't know.", "Update fxlab.")
    config = card["model"].get("config")
    found = known.from_json(config if isinstance(config, dict) else {})
    if isinstance(found, (AceConfig, MasterConfig, InstrumentConfig)) and found.sample_rate_hz != card.get("sample_rate_hz"):
        raise InputError("The model's card names another sample rate than its network.", "Export or train it again.")
    return found


def _check_said(card: Card) -> None:
    """Raises `InputError` unless what a card says besides its architecture is of the kind that is made of it elsewhere."""
    try:
        stages_of(card.get("effect") or [])
        metrics = card.get("metrics") or {}
        figures = [metrics.get(name) or 0.0 for name in ("esr", "validation_esr")]
        sound = all(type(figure) in (int, float) for figure in figures)
        sound = sound and all(isinstance(metrics.get(name, ""), str) for name in ("split", "verdict"))
        sound = sound and isinstance((card.get("nam") or {}).get("metadata", {}), dict)
        sound = sound and all(isinstance(card.get(name) or "", str) for name in ("attribution", "licence"))
        if not sound or type(card.get("parameters_count", 0)) is not int:
            raise ValueError
    except (AttributeError, TypeError, ValueError):
        raise InputError("What the model's card says can't be understood.", "Export or train it again.") from None


def checked(config: Config, weights: Mapping[str, np.ndarray], source: str) -> Weights:
    """The weights as float32 in the configuration's order.

    Raises:
        InputError: One is missing, of another shape, superfluous or not finite; `source` names the file.
    """
    shapes = config.weight_shapes()
    if shapes != {name: array.shape for name, array in weights.items()}:
        raise InputError(f"The weights in {source} don't fit the architecture in its header.", "Export or train it again.")
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise InputError(f"The weights in {source} are not all finite numbers.", "Train it again; the run diverged.")
    return {name: np.array(weights[name], np.float32, order="C") for name in shapes}
