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
from fxlab.services.train.improvement import Improved, improvement
from fxlab.settings import TrainSettings
from fxlab.training.evaluate import by_setting, on_silence, play, pooled, score
from fxlab.training.objective import Objective
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


def judged(
    network: nn.Module,
    card: Card,
    pairs: Sequence[tuple[dict[str, Any], Pair]],
    progress: Progress,
    objective: Objective,
    train: TrainSettings,
) -> Judgement:
    """Plays the pairs of a split, given with their rows, through a network.

    Of one that was to do more than sound like an effect, the figures tell what it improves, see `train_improvement`.
    """
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
    gained = {}
    if objective.name != "effect":
        late = card["latency"]
        improved = [
            Improved(
                row, target, np.concatenate((np.zeros(late, np.float32), pair.input))[: len(pair.input)][-len(target) :], output
            )
            for (row, pair), (_, target, output) in zip(pairs, takes, strict=True)
        ]
        progress("Comparing before and after", 0, 1)
        gained = {"improvement": improvement(objective, train, improved)}
        progress("Comparing before and after", 1, 1)
    metrics = {
        "split": rows[0]["split"],
        **gained,
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
        {**_about(row), **({"parameters": row["parameters"]} if knobs else {}), **figure}
        for row, figure in zip(rows, figures, strict=True)
    ]


def _by_recording(rows: Sequence[dict[str, Any]], takes: Sequence[Played]) -> list[dict[str, Any]]:
    """All takes of a recording at a level as one: of chunks some hold but a fading note, to which no error is small."""
    groups: dict[tuple, list[tuple[np.ndarray, np.ndarray]]] = {}
    for row, (_, target, output) in zip(rows, takes, strict=True):
        groups.setdefault(tuple(_about(row).items()), []).append((target, output))
    return [{**dict(about), **pooled(parts)} for about, parts in groups.items()]


def _about(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("source", "level_db", "snr_db") if name in row}
