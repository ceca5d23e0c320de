"""Networks with knobs, for all tests of engines."""

import numpy as np
import pytest

from fxlab.effects.params import Param
from fxlab.models.controls import Control
from fxlab.models.model import Model, describe

KNOBS = (
    Control(Param("drive_db", 12.0, 0.0, 36.0, "dB", "", "db"), 0, "drive_db"),
    Control(Param("cutoff_hz", 4000.0, 500.0, 16_000.0, "Hz", "", "log"), 0, "cutoff_hz"),
    Control(Param("bias", 0.0, -0.5, 0.5, "", "")),
)


@pytest.fixture(scope="session")
def conditioned():
    """`conditioned(config, knobs=3, seed=0)`: a network of that make with so many of three knobs, in which each is well heard."""

    def make(config, knobs=3, seed=0):
        config, rng, weights = config.with_controls(knobs), np.random.default_rng(seed), {}
        for name, shape in config.weight_shapes().items():
            bound = max(1, int(np.prod(shape[1:]))) ** -0.5
            weights[name] = np.asarray(rng.uniform(-bound, bound, shape), np.float32)
        if config.kind == "tcn":
            weights["scale"] = np.float32(0.1)
        card = {"model": describe(config), "sample_rate_hz": 48_000, "latency": 0, "receptive_field": config.receptive_field}
        return Model(config, weights, card | {"controls": [knob.to_json() for knob in KNOBS[:knobs]]})

    return make
