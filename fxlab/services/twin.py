"""The neural twin of a DSP chain, the DSP twin of a network, and how one follows the other's parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fxlab.effects.params import Value
from fxlab.effects.registry import effects
from fxlab.engines.loader import card_of, model_path, resolved
from fxlab.errors import FxlabError
from fxlab.models.controls import controls_of, effect_at, values_of
from fxlab.models.model import Card
from fxlab.services.copied import needs_file
from fxlab.settings import EffectSettings
from fxlab.shipped import NETWORKS

_ROUNDING = 1e-5


@dataclass(frozen=True)
class Following:
    """What keeps one of two twins the other's twin.

    Args:
        chain: Its stages with the parameters that follow.
        left: What it can't follow, and why: the other one's parameter, named as `--set` takes it, to a clause such as
            "tcn was trained at 12 dB". A knob at the end of its range stands as near as it comes.
    """

    chain: list[EffectSettings]
    left: dict[str, str]


def twin_of(chain: Sequence[EffectSettings]) -> list[EffectSettings] | None:
    """What can be heard in a chain's place, to compare with it.

    Where a network of the chain says what it copies, all such networks become that DSP, as their knobs are set. Else DSP
    becomes shipped networks: one that was trained at these very parameters, or one whose knobs reach them. None where there
    is neither.

    Raises:
        UsageError, InputError: A stage that can't be played.
    """
    return dsp_twin(chain) or _network_twin(chain)


def dsp_twin(chain: Sequence[EffectSettings]) -> list[EffectSettings] | None:
    """The chain with every network replaced by the effects it was trained on; None without a network that names them."""
    found = [_parts(stage) for stage in chain]
    if not any(parts and parts[0].network for parts in found):
        return None
    return [
        new
        for stage, parts in zip(chain, found, strict=True)
        for new in ([EffectSettings(part.name, "auto", part.values) for part in parts] if parts[0].network else [stage])
    ]


def twin_values(a: Sequence[EffectSettings], b: Sequence[EffectSettings]) -> Following:
    """The parameters with which `b` is the twin of `a` as that one now stands.

    Args:
        a: A chain whose parameters were changed.
        b: Its twin, or what it is the twin of, before the change.

    Raises:
        ValueError: They aren't twins: other effects, or in another order.
        UsageError, InputError: A stage that can't be played.
    """
    wanted = [
        dataclasses.replace(part, prefix=f"{n}." if len(a) > 1 else "") for n, stage in enumerate(a, 1) for part in _parts(stage)
    ]
    following: list[EffectSettings] = []
    left: dict[str, str] = {}
    for stage in b:
        own = _parts(stage)
        now, wanted = wanted[: len(own)], wanted[len(own) :]
        if [part.name for part in now] != [part.name for part in own]:
            raise ValueError("these chains aren't each other's twin")
        if own[0].network:
            fit = _fit(stage.name, _card(stage.name), now)
            left |= fit.left
            following.append(dataclasses.replace(stage, set=fit.knobs))
        else:
            following.append(dataclasses.replace(stage, set=now[0].values))
    if wanted:
        raise ValueError("these chains aren't each other's twin")
    return Following(following, left)


@dataclass(frozen=True)
class _Part:
    """An effect, or a network that copies none known here: by itself, or as what a network copies.

    Args:
        values: All its parameters.
        network: It stands for a network.
        prefix: Of its parameters' names.
    """

    name: str
    values: dict[str, Value]
    network: bool = False
    prefix: str = ""


@dataclass(frozen=True)
class _Fit:
    """How a network's knobs must stand to do what is wanted, and which parameters it can't follow, and why."""

    knobs: dict[str, Value]
    left: dict[str, str]


def _parts(stage: EffectSettings) -> list[_Part]:
    """What a stage does, as effects; itself where that isn't known."""
    if stage.name in effects():
        return [_Part(stage.name, resolved(stage.name, stage.set))]
    card = _card(stage.name)
    values = values_of(controls_of(card), stage.set)
    copied = effect_at(card, values)
    if any(map(needs_file, copied)):
        return [_Part(stage.name, values)]
    try:
        parts = [_Part(part["name"], resolved(part["name"], part.get("parameters") or {}), True) for part in copied]
    except FxlabError:  # an effect of another package, or of a later version
        parts = []
    return parts or [_Part(stage.name, values)]


def _network_twin(chain: Sequence[EffectSettings]) -> list[EffectSettings] | None:
    """The chain with all that shipped networks can do exactly done by them; None where that is nothing."""
    parts = [_parts(stage)[0] for stage in chain]
    cards = {name: _card(name) for name in NETWORKS}
    order = sorted(NETWORKS, key=lambda name: (-len(cards[name].get("effect") or ()), len(cards[name].get("controls") or ())))
    twin: list[EffectSettings] = []
    at = 0
    while at < len(chain):
        for name in order:
            stages = cards[name].get("effect") or ()
            wanted = parts[at : at + len(stages)]
            if stages and [part.name for part in wanted] == [stage["name"] for stage in stages]:
                fit = _fit(name, cards[name], wanted)
                if not fit.left:
                    twin.append(EffectSettings(name, "auto", fit.knobs))
                    at += len(stages)
                    break
        else:
            twin.append(chain[at])
            at += 1
    return twin if [stage.name for stage in twin] != [stage.name for stage in chain] else None


def _card(name: str) -> Card:
    path = model_path(name)
    return _card_at(name, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _card_at(name: str, written_ns: int) -> Card:
    # A knob that is turned asks for it twenty times a second.
    return card_of(name)


def _fit(name: str, card: Mapping[str, Any], wanted: Sequence[_Part]) -> _Fit:
    """A network's knobs for effects that it copies, one part for each of its card's."""
    knobs: dict[str, Value] = {}
    left: dict[str, str] = {}
    placed = {(control.stage, control.parameter): control.param for control in controls_of(card) if control.stage is not None}
    trained = [resolved(stage["name"], stage.get("parameters") or {}) for stage in card["effect"]]
    for stage, part in enumerate(wanted):
        for key, value in part.values.items():
            knob = placed.get((stage, key))
            if knob is None:
                if not _same(value, trained[stage][key]):
                    left[part.prefix + key] = f"{name} was trained at {_text(trained[stage][key])}"
                continue
            number = float(value)
            knobs[knob.name] = min(max(number, knob.low), knob.high)
            if not _same(knobs[knob.name], number):
                left[part.prefix + key] = f"{name} goes from {_text(knob.low)} to {_text(knob.high)}"
    return _Fit(knobs, left)


def _same(one: Value, other: Value) -> bool:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
    return math.isclose(one, other, rel_tol=_ROUNDING, abs_tol=_ROUNDING) if numbers else one == other


def _text(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
