"""The path of growth: which cell of an instrument is to sound at which age, so that the automaton has something to learn.

An end alone ("at last everything sounds") leaves the way to chance, and the quickest way is one step. So each cell is given an
age of birth: relatives of what sounds come first, octaves and fifths before neighbours, and of those the strong ones, which is
the cheapest way from harmonic 1 through the graph of `kinship`. The births are spread so that what there is to hear fills evenly.
"""

from __future__ import annotations

import numpy as np

from fxlab.timbre.kinship import Kinship
from fxlab.timbre.rule import presence

LAST_BIRTH = 0.73
"""Age at which the last cell is born."""
RISE = 0.18
"""Age that a cell takes from its birth until it is whole."""
WEAKNESS = 3.0
"""Toll of a cell that isn't heard; one of the strongest costs nothing."""
SILENT_SHARE = 0.03
"""Of the time that a cell takes up which is heard, for one that isn't."""
REACH = 1.5
"""Steps that a cell is born after its parent at the soonest: news can't travel quicker."""
REACH_AGE = 0.06
"""Age that this takes at most, for automata of so few steps that news doesn't get everywhere in time."""


def births(graph: Kinship, levels: np.ndarray, steps: int) -> np.ndarray:
    """Age at which each cell begins to rise.

    Args:
        graph: Who is related to whom.
        levels: Of the instrument's own spectrum, 0..1, (..., cells).
        steps: Of the automaton from age 0 to age 1.

    Returns:
        (..., cells), -`RISE` for harmonic 1, which is whole from the beginning, and 0..`LAST_BIRTH` for the others.
    """
    ways = graph.ways(WEAKNESS * (1.0 - levels))
    order = np.argsort(ways, axis=-1, kind="stable")
    weights = np.take_along_axis(SILENT_SHARE + (1 - SILENT_SHARE) * presence(levels), order, axis=-1)
    weights[..., 0] = 0.0
    ages = np.cumsum(weights, axis=-1)
    ages *= LAST_BIRTH / ages[..., -1:]
    born = np.empty_like(ages)
    np.put_along_axis(born, order, ages, axis=-1)
    born[..., 0] = -RISE
    return _after_parents(graph, born, order, min(REACH / steps, REACH_AGE))


def target(born: np.ndarray, age: np.ndarray) -> np.ndarray:
    """How far grown each cell is, 0..1, at an age; `born` (..., cells) and `age` (...)."""
    return np.clip((np.asarray(age)[..., None] - born) / RISE, 0.0, 1.0)


def _after_parents(graph: Kinship, born: np.ndarray, order: np.ndarray, least: float) -> np.ndarray:
    """Births put off until `least` after that of the earliest relative."""
    late = np.full((*born.shape[:-1], born.shape[-1] + 1), np.inf)
    late[..., 0] = born[..., 0]
    for place in range(1, order.shape[-1]):
        cell = order[..., place : place + 1]
        parents = np.take_along_axis(late, graph.relatives[cell[..., 0]], axis=-1)
        soonest = np.maximum(parents.min(axis=-1, keepdims=True), 0.0) + least
        np.put_along_axis(late, cell, np.maximum(np.take_along_axis(born, cell, axis=-1), soonest), axis=-1)
    return late[..., :-1]
