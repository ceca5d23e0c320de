"""What `fxlab grow` takes elsewhere: stages of growth as a wavetable, and the grown instrument as samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.models.model import Model
from fxlab.services.grow.request import Request
from fxlab.timbre.frames import Features
from fxlab.timbre.growth import grow
from fxlab.timbre.performance import phrase_of, range_of, rest_db, transfer
from fxlab.timbre.player import Player, inputs_of
from fxlab.timbre.rule import automaton_of, levels_of
from fxlab.timbre.sfz import write_sfz
from fxlab.timbre.voice import sound
from fxlab.timbre.wavetable import wavetable, write_wavetable

STAGES = 64
"""Cycles of a wavetable, unless told otherwise."""

_CLEAR = 0.5  # share of the phrase's frames, the loudest, that stand for the instrument
_ATTACK_S = 0.03


@dataclass(frozen=True)
class Steady:
    """An instrument that holds its most typical note.

    Attributes:
        cells: Mean amplitudes, (cells,).
        levels: As `levels_of` gives them, (cells,).
        pitch: (MIDI note - 60) / 24.
        loudness: Standardised.
    """

    cells: np.ndarray
    levels: np.ndarray
    pitch: float
    loudness: float


def steady(model: Model, pitch: float = 0.0, loudness_db: float = 0.0) -> Steady:
    """The mean of the louder half of what sounds in the instrument's phrase, moved by semitones and decibels."""
    phrase = transfer(phrase_of(model.card, model.config.frame_rate_hz), model.card, pitch, loudness_db, match=False)
    cells = Player(model).play(phrase).cells()
    told = inputs_of(phrase, model.card["features"], model.config)
    voiced = phrase.voiced > 0.5 if (phrase.voiced > 0.5).any() else np.ones(len(phrase), bool)
    loud = voiced & (phrase.loudness_db >= np.quantile(phrase.loudness_db[voiced], 1 - _CLEAR))
    mean = np.sqrt(np.mean(np.square(cells[loud]), axis=0))
    return Steady(mean, levels_of(mean, model.config.harmonics), *(float(np.median(told[loud, column])) for column in (0, 2)))


def write_stages(path: Path, model: Model, stages: int, steps: int, request: Request) -> None:
    """Writes the instrument's growth as a wavetable, or as it is where it has no automaton.

    Raises:
        UsageError: More stages than a wavetable can have.
        OutputError: It can't be written.
    """
    held = steady(model, request.pitch, request.loudness_db)
    gains = np.ones((stages, model.config.cells), np.float32)
    if steps:
        same = (np.broadcast_to(value, (stages, *np.shape(value))) for value in (held.levels, held.pitch, held.loudness))
        ages = np.arange(1, stages + 1) / stages
        gains = grow(automaton_of(model), *same, ages, seed=request.seed, steps=steps).gains
    count = model.config.harmonics
    write_wavetable(path, wavetable(held.cells[:count] * gains[:, :count]), request.force)


def write_samples(
    folder: Path,
    model: Model,
    about: Mapping[str, Any],
    rate_hz: int,
    request: Request,
    progress: Callable[[int, int], None],
) -> Path:
    """Writes the grown instrument for samplers, in two layers of loudness; raises `OutputError` where it can't be written."""
    low, high = range_of(model.card, "loudness_range_db")
    frame_rate_hz, rest = model.config.frame_rate_hz, rest_db(model.card)

    def note(f0_hz: float, loudness_db: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
        frames = 2 + int(np.ceil(seconds * frame_rate_hz))
        rise = np.minimum(np.arange(frames) / (_ATTACK_S * frame_rate_hz), 1)
        single = (
            array.astype(np.float32) for array in (np.full(frames, f0_hz), np.ones(frames), rest + (loudness_db - rest) * rise)
        )
        return sound(model, Features(*single, frame_rate_hz), rate_hz, seed=request.seed)

    remarks = [f"{name}: {about[name]}" for name in ("attribution", "licence") if about[name]]
    layers = [0.5 * (low + high) + request.loudness_db, high + request.loudness_db]
    return write_sfz(
        folder,
        folder.resolve().name,
        note,
        range_of(model.card, "range_midi"),
        rate_hz,
        layers,
        remarks=remarks,
        force=request.force,
        progress=progress,
    )
