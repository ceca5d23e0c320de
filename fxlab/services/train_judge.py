"""What a trained network is worth on takes that it never saw: the figures of its card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from fxlab.engines.torch_engine import TorchProcessor
from fxlab.models.controls import controls_of, settings_of
from fxlab.models.model import Card
from fxlab.progress import Progress
from fxlab.services.scoring import Take, card_metrics
from fxlab.training.evaluate import by_setting, on_silence, play, pooled, score
from fxlab.training.pair import Pair

_MOST = 24
"""Takes that a card lists one by one: it is read by people, and travels with the model."""

Played = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Dry input, target and output of a take, (frames,) each."""


@dataclass(frozen=True)
class Judgement:
    """A network's figures, and the recording in which it is farthest off.

    Args:
        metrics: As in a card: of all takes as one, of each (or of each recording, where chunks make them many), of each setting
            of the knobs where that is fewer, on silence, on sines.
        worst: Name of that recording, by the energy of the error.
        played: It.
    """

    metrics: dict[str, Any]
    worst: str
    played: Played


def judged(network: nn.Module, card: Card, pairs: Sequence[tuple[dict[str, Any], Pair]], progress: Progress) -> Judgement:
    """Plays the pairs of a split, given with their rows, through a network."""
    controls = controls_of(card)
    takes: list[Played] = []
    for done, (_, pair) in enumerate(pairs):
        progress("Testing", done, len(pairs))
        target, output = play(network, pair)
        takes.append((pair.input[len(pair.input) - len(target) :], target, output))
    progress("Testing", len(pairs), len(pairs))
    rows = [row for row, _ in pairs]
    figures = [score(target, output) for _, target, output in takes]
    listed = _each(rows, figures, bool(controls)) if len(takes) <= _MOST else _by_recording(rows, takes)
    settings = by_setting([(row["parameters"], target, output) for row, (_, target, output) in zip(rows, takes, strict=True)])
    if not controls or len(settings) == len(takes):
        settings = []
    heard = [Take(pair.input, target, output) for (_, pair), (_, target, output) in zip(pairs, takes, strict=True)]
    metrics = {
        "split": rows[0]["split"],
        **pooled([(target, output) for _, target, output in takes]),
        "worst_esr": max(part["esr"] for part in settings or listed),
        **on_silence(network, card["sample_rate_hz"], settings_of(controls, {})),
        **card_metrics(TorchProcessor(network, card), card["effect"], heard, progress, varied=bool(controls)),
        **({"settings": settings} if settings else {}),
        "takes": listed,
    }
    worst = max(range(len(takes)), key=lambda i: np.sum(np.square(takes[i][1] - takes[i][2])))
    return Judgement(metrics, rows[worst]["source"], takes[worst])


def _each(rows: Sequence[dict[str, Any]], figures: Sequence[dict[str, Any]], knobs: bool) -> list[dict[str, Any]]:
    return [
        {"source": row["source"], "level_db": row["level_db"], **({"parameters": row["parameters"]} if knobs else {}), **figure}
        for row, figure in zip(rows, figures, strict=True)
    ]


def _by_recording(rows: Sequence[dict[str, Any]], takes: Sequence[Played]) -> list[dict[str, Any]]:
    """All takes of a recording at a level as one: of chunks some hold but a fading note, to which no error is small."""
    groups: dict[tuple[str, float], list[tuple[np.ndarray, np.ndarray]]] = {}
    for row, (_, target, output) in zip(rows, takes, strict=True):
        groups.setdefault((row["source"], row["level_db"]), []).append((target, output))
    return [{"source": source, "level_db": level, **pooled(parts)} for (source, level), parts in groups.items()]
