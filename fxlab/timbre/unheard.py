"""Harmonics that training never heard are silenced, lest they sound where a note lower than all it learnt has room for them.

At every pitch of its recordings they lay above half of the instrument's rate, so nothing ever taught their amplitude.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fxlab.models.model import Model
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import FADE_FROM
from fxlab.timbre.frames import Features

_ENOUGH = 0.01
"""Share of the voiced frames in which a harmonic must have sounded in full."""
_SILENT = -40.0
"""What exp_sigmoid makes 1e-7 of."""


def heard_harmonics(learnt: Sequence[Features], config: InstrumentConfig) -> int:
    """How many harmonics, from the first on, training could hear; all where there was no pitch at all."""
    f0_hz = np.concatenate([one.f0_hz[one.voiced > 0] for one in learnt])
    if not len(f0_hz):
        return config.harmonics
    lowest = float(np.quantile(f0_hz, _ENOUGH))
    return int(np.clip(FADE_FROM * config.sample_rate_hz / 2 / lowest, 1, config.harmonics))


def silenced(model: Model, learnt: Sequence[Features]) -> Model:
    """The instrument with weights by which the harmonics that it never heard are silent at every pitch."""
    count = heard_harmonics(learnt, model.config)
    weights = {name: array.copy() for name, array in model.weights.items()}
    # The first output is the amplitude of all.
    weights["harmonic.2.weight"][1 + count :] = 0.0
    weights["harmonic.2.bias"][1 + count :] = _SILENT
    return Model(model.config, weights, model.card | {"heard_harmonics": count})
