"""A trained network as a value: its configuration, its weights, its card. Engines and file formats are functions of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.errors import InputError
from fxlab.mastering.config import MasterConfig
from fxlab.models.ace_config import AceConfig
from fxlab.models.stack_config import StackConfig
from fxlab.models.tcn_config import TCNConfig

Card = dict[str, Any]
Config = TCNConfig | StackConfig | AceConfig | MasterConfig
Weights = dict[str, np.ndarray]

CARD_FORMAT = "fxlab-card"
CONFIGS: dict[str, type] = {config.kind: config for config in (TCNConfig, StackConfig, AceConfig, MasterConfig)}


@dataclass(frozen=True)
class Model:
    """A network that maps mono audio to mono audio, or that decides how to master a song.

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


def kind_of(card: Card) -> str | None:
    """The kind of configuration that a card names, None where it names none that is known."""
    described = card.get("model")
    kind = described.get("type") if isinstance(described, dict) else None
    return kind if isinstance(kind, str) and kind in CONFIGS else None


def config_of(card: Card) -> Config:
    """The configuration that a card describes; raises `InputError` for an unknown architecture or impossible sizes."""
    kind = kind_of(card)
    if kind is None or not isinstance(card["model"].get("size"), str):
        raise InputError("The model is of an architecture that this fxlab doesn't know.", "Update fxlab.")
    config = card["model"].get("config")
    found = CONFIGS[kind].from_json(config if isinstance(config, dict) else {})
    if isinstance(found, (AceConfig, MasterConfig)) and found.sample_rate_hz != card.get("sample_rate_hz"):
        raise InputError("The model's card names another sample rate than its network.", "Export or train it again.")
    return found


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
