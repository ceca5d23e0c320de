"""Judges a network between epochs, and can be told to leave it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch

from fxlab.progress import Progress
from fxlab.training.loop import Run
from fxlab.training.pair import Pair, context_of


def can_be_scored(pair: Pair, network: torch.nn.Module) -> bool:
    """Whether the pair is long enough to leave some output, and its target isn't silent, which no error can be related to."""
    return bool(np.any(pair.judged(context_of(network, [pair]))[1]))


class _Stopped(Exception):
    """A validation was left because the run is to end."""


def validator(
    judge: Callable[[torch.nn.Module, Iterable[Pair]], float],
    pairs: Sequence[Pair],
    stopping: Callable[[], bool],
    progress: Progress,
) -> Callable[[Run], float | None]:
    """A function of a run to what `judge` says of its weights on all pairs; None once `stopping` says so."""

    def watched() -> Iterator[Pair]:
        for done, pair in enumerate(pairs):
            if stopping():
                raise _Stopped
            progress("Validating", done, len(pairs))
            yield pair
        progress("Validating", len(pairs), len(pairs))

    def validate(current: Run) -> float | None:
        network = copy.deepcopy(current.model).eval()
        network.load_state_dict(current.weights())
        try:
            found = judge(network, watched())
        except _Stopped:
            return None
        return found if math.isfinite(found) else math.inf

    return validate
