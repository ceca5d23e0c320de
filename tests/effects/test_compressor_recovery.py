"""What another compressor is set to can be learnt from what it does to music: attack, release, threshold and ratio."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fxlab.effects.compressor import EFFECT
from fxlab.effects.compressor.torch_compress import compress
from fxlab.effects.processor import apply

RATE = 22_050
KNOBS = [one for one in EFFECT.parameters if one.name not in ("mix", "link")]


def played(seconds=2.0):
    """Decaying chords and drum hits at different levels, two channels."""
    rng, t = np.random.default_rng(8), np.arange(int(seconds * RATE)) / RATE
    x = np.zeros((2, len(t)))
    for start in np.arange(0.0, seconds, 0.125):
        since = np.maximum(t - start, 0.0) * (t >= start)
        loud = 10 ** (rng.uniform(-30, -4) / 20) * (t >= start)
        if rng.uniform() < 0.5:
            x += loud * np.exp(-since / 0.04) * rng.standard_normal(len(t)) * [[0.5], [0.4]]
        else:
            hz = 110 * 2 ** (rng.integers(0, 24) / 12)
            chord = sum(np.sin(2 * np.pi * hz * ratio * since) for ratio in (1, 1.25, 1.5)) / 3
            x += loud * np.exp(-since / 0.3) * chord * rng.uniform(0.5, 1, (2, 1))
    return x.astype(np.float32)


def recovered(dry, wet, steps):
    """What all continuous parameters are, by L-BFGS from the effect's defaults."""
    start = [min(max(one.share(one.default), 0.02), 0.98) for one in KNOBS]
    unbounded = torch.tensor([math.log(share / (1 - share)) for share in start], dtype=torch.float64, requires_grad=True)
    x, wanted = torch.tensor(dry)[None].double(), torch.tensor(wet)[None].double()
    optimiser = torch.optim.LBFGS([unbounded], max_iter=steps, history_size=20, line_search_fn="strong_wolfe")

    def values():
        return {one.name: _at(one, share) for one, share in zip(KNOBS, torch.sigmoid(unbounded), strict=True)}

    def cost():
        optimiser.zero_grad()
        error = (compress(x, **values(), rate_hz=RATE) - wanted).square().sum() / wanted.square().sum()
        logarithm = torch.log(error + 1e-13)  # which leads on along the valley's floor
        logarithm.backward()
        return logarithm

    optimiser.step(cost)
    return {name: value.item() for name, value in values().items()}


def _at(one, share):
    """`Param.at` with a gradient."""
    return one.low * (one.high / one.low) ** share if one.scale == "log" else one.low + (one.high - one.low) * share


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold_db": -24.0, "ratio": 4.0, "attack_ms": 8.0, "release_ms": 90.0, "knee_db": 6.0, "makeup_db": 3.0},
        {"threshold_db": -14.0, "ratio": 1.7, "attack_ms": 40.0, "release_ms": 300.0, "knee_db": 10.0, "makeup_db": 1.0},
    ],
    ids=["firm", "gentle"],
)
def test_settings_are_recovered_within_10_percent(settings):
    dry = played()
    found = recovered(dry, apply(EFFECT.processor(**settings), dry, RATE), 60)
    for name in ("threshold_db", "ratio", "attack_ms", "release_ms"):
        assert EFFECT.resolve({})[name] != settings[name]
        assert found[name] == pytest.approx(settings[name], rel=0.1), found
