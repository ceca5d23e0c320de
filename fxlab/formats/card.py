"""The card of a network that comes from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from fxlab.errors import UsageError
from fxlab.formats.fields import Unfit
from fxlab.models.controls import controls_of
from fxlab.models.model import CARD_FORMAT, Card, Config, Model, config_of, describe

Vector = dict[str, str]

_LONGEST = 1000


def foreign_card(config: Config, sample_rate_hz: int, origin: str, said: Mapping[str, Any]) -> Card:
    """A card with what an engine needs and what the file says of itself.

    Args:
        config: The network.
        sample_rate_hz: Its rate.
        origin: The format, the key under which `said` is kept.
        said: Whatever the file tells; its short plain values are kept, at most one level deep.
    """
    return {
        "format": CARD_FORMAT,
        "model": describe(config),
        "sample_rate_hz": sample_rate_hz,
        "receptive_field": config.receptive_field,
        "latency": 0,
        "parameters_count": config.parameters_count,
        "macs_per_sample": config.macs_per_sample,
        "effect": [],
        origin: _plain(said) | {k: _plain(v) for k, v in said.items() if isinstance(v, dict)},
    }


def own_card(
    ours: object, config: Config, card: Card, same: Callable[[Config, Config], bool]
) -> tuple[Config, Card, Vector | None]:
    """The configuration, card and golden vector that fxlab put into another program's file beside the network.

    Args:
        ours: What stands there.
        config: The network that the file holds in its own words.
        card: What would be its card if fxlab had said nothing.
        same: Whether a card's configuration (first) is that of the network (second).

    Raises:
        Unfit: It is damaged, or about another network.
        InputError: It names an architecture that can't be.
    """
    stored, golden = (ours.get("card"), ours.get("golden")) if isinstance(ours, dict) else (None, None)
    if not isinstance(stored, dict) or not isinstance(golden, (dict, type(None))):
        raise Unfit("its card is damaged")
    described = config_of(stored)
    if not same(described, config):
        raise Unfit("its card doesn't describe its layers")
    if stored.get("sample_rate_hz") != card["sample_rate_hz"] or stored.get("receptive_field") != described.receptive_field:
        raise Unfit("its card has another rate or receptive field than itself")
    return described, stored, golden


def refuse_knobs(model: Model, format: str) -> None:
    """Raises `UsageError` for a network with knobs, which `format` has no place for."""
    if model.config.controls:
        params = [control.param for control in controls_of(model.card)]
        raise UsageError(
            f"{format} has no place for knobs, and this model has {', '.join(param.name for param in params)}.",
            f"Freeze them at one setting: {' '.join(f'--set {param.name}={param.default:g}' for param in params)}, for example.",
        )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (bool, int)) or (isinstance(value, str) and len(value) <= _LONGEST)
