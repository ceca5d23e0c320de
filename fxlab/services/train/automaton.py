"""The automaton that grows an instrument, taught while the instrument itself stays as it is; it resumes too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.errors import InputError
from fxlab.hashing import value_sha256
from fxlab.models.model import Model, describe
from fxlab.progress import Progress
from fxlab.services.train.folder import AUTOMATON
from fxlab.settings import GrowSettings
from fxlab.timbre.automaton_lesson import AutomatonSettings
from fxlab.timbre.automaton_training import AutomatonReport, AutomatonRun, lesson_of, train_automaton
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.corpus import Corpus
from fxlab.timbre.frames import Features, midi_of
from fxlab.timbre.player import Player, inputs_of
from fxlab.timbre.rule import levels_of

OF_AUTOMATON = ("automaton", "iterations", "steps")
"""Settings that the network doesn't depend on."""
_SOUNDING_DB = 40.0  # below the loudest frame; softer ones are rests
_MOST_FRAMES = 4096
_MOST_ITERATIONS = 1_000_000
_TIMED, _LEAST = 8, 150


def grown(
    folder: Path,
    model: Model,
    grow: GrowSettings,
    seed: int,
    corpus: Corpus,
    seconds: float,
    stopping: Callable[[], bool],
    progress: Progress,
) -> tuple[Model, AutomatonReport | None]:
    """The instrument with an automaton that was taught on its own recordings, and how that went; both as they were if stopped.

    Args:
        folder: Of the run; what resuming needs is kept in it.
        model: The instrument; an automaton that it has is replaced.
        seconds: What it may take, as far as that is foreseen; fewer iterations are made if need be. 0 for as long as it takes.

    Raises:
        InputError: What is to be resumed is damaged.
        CheckError: It diverged.
        OutputError: The folder can't be written.
    """
    config = model.config.with_automaton("" if grow.automaton == "none" else grow.automaton)
    network = {name: model.weights[name] for name in config.network_shapes()}
    if not config.automaton:
        return Model(config, network, model.card | {"model": describe(config)}), None
    conditions = conditions_of(model, [take.features for take in corpus.takes], seed)
    path = folder / AUTOMATON

    # One that was taught on another state of the network, or otherwise, isn't gone on with.
    taught = value_sha256([grow.automaton, grow.steps, seed, *(array.tobytes().hex() for array in conditions)])
    restored, iterations = _restored(path, taught) if path.is_file() else (None, 0)
    settings = AutomatonSettings(iterations=iterations or grow.iterations, steps=grow.steps)
    if seconds and not iterations:
        settings = replace(settings, iterations=_affordable(config, conditions, settings, seed, seconds))

    def save(run: AutomatonRun) -> None:
        _save(path, run, taught)

    try:
        result = train_automaton(config, *conditions, settings, seed, progress, stopping, restored, save)
    except (KeyError, ValueError):
        raise InputError(f"{path} can't be resumed.", "Start over with --force.") from None
    save(result.run)  # judging can be interrupted, too
    if result.ended == "interrupted":
        return model, None
    weights = network | {f"automaton.{name}": array for name, array in result.weights.items()}
    about = {"steps": grow.steps, "automaton": grow.automaton, **result.report.to_json()}
    described = {"model": describe(config), "parameters_count": config.parameters_count, "growth": about}
    return Model(config, weights, model.card | described), result.report


def conditions_of(model: Model, heard: list[Features], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels of the cells, pitch and loudness, as an automaton is told of them, in frames in which the instrument sounds."""
    measures = model.card["features"]
    levels, told = [], []
    for features in heard:
        plain = features.without_timbre()
        controls = Player(model).play(plain)
        sounding = features.loudness_db > features.loudness_db.max() - _SOUNDING_DB
        levels.append(levels_of(controls.cells(), model.config.harmonics)[sounding])
        given = inputs_of(plain, measures, model.config)
        told.append(np.stack([(midi_of(features.f0_hz) - 60) / 24, given[:, 2]], axis=1)[sounding])
    all_levels, all_told = np.concatenate(levels), np.concatenate(told).astype(np.float32)
    if len(all_levels) > _MOST_FRAMES:
        chosen = np.sort(np.random.default_rng(seed).choice(len(all_levels), _MOST_FRAMES, replace=False))
        all_levels, all_told = all_levels[chosen], all_told[chosen]
    return all_levels, np.ascontiguousarray(all_told[:, 0]), np.ascontiguousarray(all_told[:, 1])


def _affordable(
    config: InstrumentConfig,
    conditions: tuple[np.ndarray, np.ndarray, np.ndarray],
    settings: AutomatonSettings,
    seed: int,
    seconds: float,
) -> int:
    """Iterations for which there is time: those wanted or fewer, but not fewer than some that it can't do without."""
    trial = AutomatonRun(lesson_of(config, conditions, settings, seed), settings)
    trial.step()
    began = time.monotonic()
    for _ in range(_TIMED):
        trial.step()
    possible = int(seconds * _TIMED / (time.monotonic() - began))
    return min(settings.iterations, max(_LEAST, possible))


def _save(path: Path, run: AutomatonRun, taught: str) -> None:
    from safetensors.numpy import save

    with replacing(path) as temporary:
        about = {"record": json.dumps(run.record()), "taught": taught, "iterations": str(run.settings.iterations)}
        temporary.write_bytes(save(run.tensors(), about))


def _restored(path: Path, taught: str) -> tuple[tuple[dict[str, np.ndarray], dict] | None, int]:
    """What `AutomatonRun.restore` takes, and the iterations that were planned; (None, 0) of one that was taught otherwise or is
    damaged, which costs a minute, not the network."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            if about["taught"] != taught:
                return None, 0
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        record, iterations = json.loads(about["record"]), int(about["iterations"])
        losses, norms = record["losses"], record["norms"]
        sound = all(type(value) is float for value in [*losses, *norms]) and len(losses) == len(norms)
        sound = sound and len(losses) <= iterations <= _MOST_ITERATIONS
        sound = sound and all(np.isfinite(array).all() for array in tensors.values())
        return ((tensors, record), iterations) if sound else (None, 0)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        return None, 0
