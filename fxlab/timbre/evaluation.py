"""What an instrument is worth on what was kept back: its spectrum, its pitch and its loudness against the recording's.

The judge is fixed: the instrument is told pitch and loudness alone and plays the whole recording. Spectrum and loudness are
compared where nothing was learnt; the pitch, which is told and not learnt, is counted over all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from fxlab.models.model import Model
from fxlab.timbre.features import extract
from fxlab.timbre.judge import loudness_error_db, pitch_accuracy
from fxlab.timbre.losses import SpectralLoss
from fxlab.timbre.segments import Take
from fxlab.timbre.tracker import Tracker
from fxlab.timbre.voice import sound

GOOD_LOSS = 5.5
"""Spectral loss up to which an instrument is good. Its inventors' tutorial calls 4.5 to 5 good of what was trained on, with all
inputs (Magenta, `train_autoencoder.ipynb`); here it is of what wasn't, from pitch and loudness alone. About 4.2 are due to
noise, which is never the same twice."""
GOOD_PITCH = 0.95
"""Share of voiced frames whose pitch must come back within 50 cents."""
GOOD_LOUDNESS_DB = 3.0
"""Mean error of the loudness up to which it is good."""


@dataclass(frozen=True)
class Score:
    """Of one recording, or of all.

    Args:
        name: Of the recording.
        loss: Spectral loss over six scales, linear and logarithmic.
        pitch: Share of the whole recording's voiced frames that are heard within 50 cents; None where none is voiced.
        loudness_db: Mean absolute error of the A-weighted level.
        seconds: How much was compared.
        kept: Whether training never saw it.
    """

    name: str
    loss: float
    pitch: float | None
    loudness_db: float
    seconds: float
    kept: bool

    @property
    def good(self) -> bool:
        return (
            self.loss <= GOOD_LOSS and self.loudness_db <= GOOD_LOUDNESS_DB and (self.pitch is None or self.pitch >= GOOD_PITCH)
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"good": self.good}


@dataclass(frozen=True)
class Heard:
    """A score and the audio behind it, (n,) each at the instrument's rate: what was recorded and what was played."""

    score: Score
    recorded: np.ndarray
    played: np.ndarray


def evaluate(model: Model, takes: Sequence[Take], tracker: Tracker, stopping: Callable[[], bool] = lambda: False) -> list[Heard]:
    """The scores of all recordings of which something was kept back; of all recordings, whole, where nothing was."""
    kept = [take for take in takes if take.kept]
    heard = []
    for take in kept or takes:
        if stopping():
            break
        heard.append(_judged(model, take, tracker, take.kept or range(take.blocks)))
    return heard


def overall(scores: Sequence[Score]) -> Score:
    """All recordings as one, each weighed by its length."""
    seconds = np.array([one.seconds for one in scores])
    voiced = [(one.pitch, one.seconds) for one in scores if one.pitch is not None]
    return Score(
        "all",
        float(np.average([one.loss for one in scores], weights=seconds)),
        sum(pitch * length for pitch, length in voiced) / sum(length for _, length in voiced) if voiced else None,
        float(np.average([one.loudness_db for one in scores], weights=seconds)),
        float(seconds.sum()),
        all(one.kept for one in scores),
    )


def _judged(model: Model, take: Take, tracker: Tracker, part: range) -> Heard:
    config = model.config
    harmonic, noise = sound(model, take.features.without_timbre(), config.sample_rate_hz)
    everything, wanted = harmonic + noise, take.features.without_timbre()
    found = extract(everything, config.sample_rate_hz, config, tracker, without_mfcc=True)
    first, last = part.start * config.hop, part.stop * config.hop
    recorded, played = take.audio[first:last], everything[first:last]
    with torch.no_grad():
        loss = float(SpectralLoss()(torch.from_numpy(played)[None], torch.from_numpy(recorded)[None]))
    pitch = pitch_accuracy(wanted, found)
    frames = slice(part.start, part.stop)
    loudness = loudness_error_db(wanted[frames], found[frames])
    score = Score(
        take.name, loss, None if math.isnan(pitch) else pitch, loudness, len(recorded) / config.sample_rate_hz, bool(take.kept)
    )
    return Heard(score, recorded, played)
