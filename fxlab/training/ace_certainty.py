"""Which of a fitted ACE's parameters the audio determines, and which it leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from fxlab.models.ace import Ace
from fxlab.models.ace_config import PARAMS, SCALARS
from fxlab.training.ace_fit import Problem
from fxlab.training.ace_run import pieces_of, place_of
from fxlab.training.pair import Pair

DETERMINED_DB = -80.0
_TENTH_DB = 20.0 * math.log10(1.1)


def learnt(model: Ace) -> list[dict[str, object]]:
    """`name` and `value` of each parameter, bands with a gain each numbered from the lowest."""
    values = {name: value.detach() for name, value in model.values().items()}
    gains = values.pop("gains_db", None)
    named = values if gains is None else values | {f"band{k}_db": gain for k, gain in enumerate(gains, 1)}
    return [{"name": name, "value": float(value)} for name, value in named.items()]


def certainties(model: Ace, pairs: Sequence[Pair], threads: int = 0) -> list[dict[str, object]]:
    """How well audio determines each parameter of a fitted model.

    A parameter is moved by a tenth (decibels: by a factor of 1.1), and all others make up for it as well as they can. The error
    that is left, relative to what of the target the dry signal doesn't explain, says how firmly it is held; where next to nothing
    is left, any other value would do as well.

    Returns:
        As of `learnt`, with `error_db`, and `determined`: whether that error is above `DETERMINED_DB`.
    """
    problem = Problem(model.config, pieces_of(pairs, model), 0.0, 0.0, threads or torch.get_num_threads())
    place = place_of(model)
    spread = np.diag(np.linalg.pinv(problem.point(place).curvature, rcond=1e-15, hermitian=True))
    found = learnt(model)
    for i, parameter in enumerate(found):
        param, value = PARAMS[SCALARS[i] if i < len(SCALARS) else "band1_db"], parameter["value"]
        tenth = _TENTH_DB if param.scale == "db" else 0.1 * value
        other = value + tenth if value + tenth < param.high else value - tenth
        moved = _free(param.share(other)) - place[i]
        level = 10.0 * math.log10(max(moved**2 / max(float(spread[i]), 1e-300), 1e-30))
        parameter |= {"error_db": level, "determined": level > DETERMINED_DB}
    return found


def _free(share: float) -> float:
    return math.log(share / (1.0 - share))
