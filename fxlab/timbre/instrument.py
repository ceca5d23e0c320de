"""The file of an instrument: one checkpoint that holds network, automaton and card."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from fxlab.errors import InputError
from fxlab.models.checkpoint_file import read
from fxlab.models.model import Model
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.performance import LONGEST_S

SHIPPED = "instrument.safetensors"
_MIDI, _LOUDNESS_DB, _SPREAD_DB = (0, 140), (-200, 60), (1e-3, 200)


def read_instrument(path: Path | None = None) -> Model:
    """The instrument in a file; the one that ships without a file.

    Raises:
        InputError: Not a checkpoint, one of a model of another kind, or damaged.
    """
    path = path or Path(str(files("fxlab") / "assets" / SHIPPED))
    model, _, _ = read(path)
    if not isinstance(model.config, InstrumentConfig):
        raise InputError(
            f"{path} is a model of another kind: {model.config.kind}.",
            "An instrument is a file that `fxlab grow RECORDINGS --save FILE` or `fxlab train --model ddsp` wrote.",
        )
    checked_card(model, str(path))
    return model


def checked_card(model: Model, source: str) -> None:
    """Raises `InputError` where an instrument's card lacks what is needed to play it; `source` names the file."""
    config = model.config
    try:
        measures, phrase = model.card["features"], model.card["phrase"]
        _within([measures["loudness"]["mean"]], 1, _LOUDNESS_DB)
        _within([measures["loudness"]["spread"]], 1, _SPREAD_DB)
        if config.mfcc:
            for name in ("mean", "spread"):
                _numbers(measures["mfcc"][name], config.mfcc, name == "spread")
        for name, limits in {"range_midi": _MIDI, "loudness_range_db": _LOUDNESS_DB}.items():
            low, high = _within(measures[name], 2, limits)
            if low > high:
                raise ValueError
        if not isinstance(measures["tracker"], str) or (measures["sample_rate_hz"], measures["hop"]) != (
            config.sample_rate_hz,
            config.hop,
        ):
            raise ValueError
        frames = len(phrase["midi"])
        if not 2 <= frames <= LONGEST_S * config.frame_rate_hz:
            raise ValueError
        for name, limits in {"midi": _MIDI, "voiced": (0, 1), "loudness_db": _LOUDNESS_DB}.items():
            _within(phrase[name], frames, limits)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise InputError(f"The card of the instrument {source} can't be understood.", "Train it again.") from None


def _within(values: object, count: int, limits: tuple[float, float]) -> np.ndarray:
    array = _numbers(values, count)
    if array.min() < limits[0] or array.max() > limits[1]:
        raise ValueError
    return array


def _numbers(values: object, count: int, positive: bool = False) -> np.ndarray:
    if not isinstance(values, list) or len(values) != count or not all(type(value) in (int, float) for value in values):
        raise ValueError
    array = np.array(values, np.float64)
    if not np.isfinite(array).all() or (positive and (array <= 0).any()):
        raise ValueError
    return array
