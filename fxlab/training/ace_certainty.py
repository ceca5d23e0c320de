"""Which of a fitted ACE's parameters the audio determines, and which it leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from fxlab.effects.ace.design import groups
from fxlab.models.ace import Ace, at
from fxlab.models.ace_config import PARAMS, SCALARS
from fxlab.training.ace_fit import Problem
from fxlab.training.ace_run import pieces_of, place_of
from fxlab.training.pair import Pair

DETERMINED_DB = -60.0
_OPEN = 1e-9  # keeps what nothing depends on apart from what is known, far below what counts as determined
_TENTH_DB = 20.0 * math.log10(1.1)


def learnt(model: Ace) -> list[dict[str, object]]:
    """`name` and `value` of each parameter; gains without their mean over the bands.

    Those of single bands are `gain1_db` and so on: `band1_db` is the effect's, of an eighth of them.
    """
    values = {name: value.detach() for name, value in model.values().items()}
    if model.config.single:
        gains = values.pop("gains_db")
        values |= {f"gain{k}_db": gain for k, gain in enumerate(gains - gains.mean(), 1)}
    else:
        names = [name for name in values if name not in SCALARS]
        gains = torch.stack([values[name] for name in names])
        values |= dict(zip(names, gains - (torch.from_numpy(groups(model.bank)) @ gains).mean(), strict=True))
    return [{"name": name, "value": float(value)} for name, value in values.items()]


def certainties(model: Ace, pairs: Sequence[Pair], threads: int = 0) -> list[dict[str, object]]:
    """How well audio determines each parameter of a fitted model.

    A parameter is moved by a tenth (decibels: by a factor of 1.1), and all others make up for it as well as they can. The error
    that is left, relative to what of the target the dry signal doesn't explain, says how firmly it is held; where next to nothing
    is left, any other value would do as well.

    Returns:
        As of `learnt`, with `error_db`, and `determined`: whether that error is above `DETERMINED_DB`.
    """
    problem = Problem(model.config, pieces_of(pairs, model), 0.0, 0.0, threads or torch.get_num_threads())
    place, found = place_of(model), learnt(model)
    params = [PARAMS[SCALARS[i] if i < len(SCALARS) else "band1_db"] for i in range(len(place))]
    free = torch.from_numpy(place).requires_grad_()
    slopes = torch.autograd.grad(sum(at(param, u) for param, u in zip(params, free, strict=True)), free)[0].numpy()
    relative = np.diag(slopes)
    bands = np.eye(len(model.bank.erb)) if model.config.single else groups(model.bank)
    relative[len(SCALARS) :] -= bands.mean(0) @ relative[len(SCALARS) :]
    spread = relative @ np.linalg.inv(problem.point(place).curvature + _OPEN * np.eye(len(place))) @ relative.T
    for parameter, param, variance in zip(found, params, np.diag(spread), strict=True):
        tenth = _TENTH_DB if param.scale == "db" else 0.1 * parameter["value"]
        level = 10.0 * math.log10(max(tenth**2 / max(float(variance), 1e-300), 1e-30))
        parameter |= {"error_db": level, "determined": level > DETERMINED_DB}
    return found
