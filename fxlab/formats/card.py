"""The card of a network that comes from elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fxlab.models.model import CARD_FORMAT, Card, Config, describe

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


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (bool, int)) or (isinstance(value, str) and len(value) <= _LONGEST)
