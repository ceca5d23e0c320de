"""What a network's card says that the network copies: a card may be anybody's, and must not make fxlab open files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fxlab.effects.params import FileParam
from fxlab.effects.registry import Effect, effects
from fxlab.errors import MissingError
from fxlab.shipped import SHIPPED


def declared(name: str) -> Effect | None:
    """The effect of that name, None where there is none that can be used."""
    try:
        return effects().get(name)
    except MissingError:
        return None


def needs_file(stage: Mapping[str, Any]) -> bool:
    """Whether a stage of a card's `effect` can't be had without a file: a model, an impulse response."""
    found = declared(stage["name"])
    if found is None:
        return stage["name"] not in SHIPPED
    given = stage.get("parameters") or {}
    files = [one for one in found.parameters if isinstance(one, FileParam)]
    return any(given.get(one.name, one.default) not in one.built_in for one in files)
