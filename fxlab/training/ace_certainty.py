"""Which of a fitted ACE's parameters the audio determines, and which it leaves open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from fxlab.effects.ace import EFFECT
from fxlab.effects.ace.design import groups
from fxlab.models.ace import Ace, at
from fxlab.models.ace_config import PARAMS, SCALARS, learnt, without_mean
from fxlab.training.ace_fit import Problem
from fxlab.training.ace_run import pieces_of, place_of
from fxlab.training.pair import Pair

DETERMINED_DB = -60.0
_OPEN = 1e-9  # keeps what nothing depends on apart from what is known, far below what counts as determined
_TENTH_DB = 20.0 * math.log10(1.1)


def parameters(model: Ace, effect: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """`name` and `value` of each parameter, gains without their mean over the bands.

    Args:
        effect: The chain that made the data; of a single ACE, its own value is told as `in_data`.
    """
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    true: Mapping[str, object] = {}
    if len(effect) == 1 and effect[0]["name"] == "ace" and not model.config.single:
        true = without_mean(EFFECT.resolve(effect[0].get("parameters") or {}), model.bank)
    told = [(param.name, value) for param, value in learnt(model.config, weights)]
    return [{"name": name, "value": value, **({"in_data": true[name]} if name in true else {})} for name, value in told]


def certainties(
    model: Ace, pairs: Sequence[Pair], effect: Sequence[Mapping[str, Any]] = (), threads: int = 0
) -> list[dict[str, Any]]:
    """How well audio determines each parameter of a fitted model.

    A parameter is moved by a tenth (decibels: by a factor of 1.1; from 0: by a tenth of its range), and all others make up for it
    as well as they can. The error that is left, relative to what of the target the dry signal doesn't explain, says how firmly it
    is held; where next to nothing is left, any other value would do as well.

    Returns:
        As of `parameters`, with `error_db`, and `determined`: whether that error is above `DETERMINED_DB`.
    """
    problem = Problem(model.config, pieces_of(pairs, model), 0.0, 0.0, threads or torch.get_num_threads())
    place, found = place_of(model), parameters(model, effect)
    params = [PARAMS[SCALARS[i] if i < len(SCALARS) else "band1_db"] for i in range(len(place))]
    free = torch.from_numpy(place).requires_grad_()
    slopes = torch.autograd.grad(sum(at(param, u) for param, u in zip(params, free, strict=True)), free)[0].numpy()
    relative = np.diag(slopes)
    bands = np.eye(len(model.bank.erb)) if model.config.single else groups(model.bank)
    relative[len(SCALARS) :] -= bands.mean(0) @ relative[len(SCALARS) :]
    spread = relative @ np.linalg.inv(problem.point(place).curvature + _OPEN * np.eye(len(place))) @ relative.T
    for parameter, param, variance in zip(found, params, np.diag(spread), strict=True):
        tenth = _TENTH_DB if param.scale == "db" else 0.1 * (parameter["value"] or param.high)
        level = 10.0 * math.log10(max(tenth**2 / max(float(variance), 1e-300), 1e-30))
        parameter |= {"error_db": level, "determined": level > DETERMINED_DB}
    return found
