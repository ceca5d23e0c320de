"""An instrument that is played in no time; it was never taught anything."""

from __future__ import annotations

import numpy as np

from fxlab.models.model import CARD_FORMAT, Model, describe
from fxlab.timbre.config import InstrumentConfig

TINY = InstrumentConfig(harmonics=7, bands=4, mfcc=2, hidden=6, layers=2, dense=5, channels=3, cell_hidden=4)


def instrument(config: InstrumentConfig = TINY, seed: int = 0) -> Model:
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(0, 0.5, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    if config.reverb:
        weights["impulse"] *= np.exp(-np.arange(config.reverb, dtype=np.float32) / 50)
    card = {
        "format": CARD_FORMAT,
        "fxlab": "0",
        "model": describe(config),
        "sample_rate_hz": config.sample_rate_hz,
        "parameters_count": config.parameters_count,
        "effect": [],
        "features": {
            "tracker": "swift-f0 0.3.0",
            "sample_rate_hz": config.sample_rate_hz,
            "hop": config.hop,
            "loudness": {"mean": -30.0, "spread": 10.0},
            "mfcc": {"mean": [0.0] * config.mfcc, "spread": [1.0] * config.mfcc},
            "range_midi": [50.0, 74.0],
            "loudness_range_db": [-50.0, -15.0],
        },
        "phrase": {"midi": [60.0] * 20, "voiced": [1] * 20, "loudness_db": [-25.0] * 20},
        "licence": "",
    }
    return Model(config, weights, card)
