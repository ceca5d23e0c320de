"""The clipper against closed forms, its aliasing contract, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.effects.clipper import EFFECT
from fxlab.effects.processor import apply
from fxlab.metrics.spectrum import aliasing_to_signal_db, coherent_sine, harmonics

RATE = 48_000
T = 10 ** (-6 / 20)


def clip(x, block=8192, engine="numba", **parameters):
    return apply(EFFECT.processor(engine, **parameters), x, RATE, block)


def sweep(frames=4001):
    return np.linspace(-2, 2, frames, dtype=np.float32)[None]


FORMS = {
    ("hard", 0.0): lambda x: np.clip(x, -T, T),
    ("tanh", 0.0): lambda x: T * np.tanh(x / T),
    ("cubic", 0.0): lambda x: np.where(np.abs(x) < 1.5 * T, x - 4 * x**3 / (27 * T**2), T * np.sign(x)),
}


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("mode, knee_db", FORMS)
def test_closed_forms(mode, knee_db, engine):
    x = sweep()
    settings = {"mode": mode, "knee_db": knee_db}
    assert np.abs(clip(x, engine=engine, **settings) - FORMS[mode, knee_db](x.astype(np.float64))).max() <= 1e-6
    driven = clip(x, engine=engine, drive_db=12.0, makeup_db=-6.0, **settings)
    expected = 10 ** (-6 / 20) * FORMS[mode, knee_db](10 ** (12 / 20) * x.astype(np.float64))
    assert np.abs(driven - expected).max() <= 1e-6


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@pytest.mark.parametrize("mode", ["hard", "cubic", "tanh"])
@pytest.mark.parametrize("knee_db", [1.0, 6.0, 24.0])
def test_knee(mode, knee_db, engine):
    """Untouched below the knee, monotonic, smooth, and under the threshold."""
    x = sweep(40_001)
    y = clip(x, engine=engine, mode=mode, knee_db=knee_db)
    below = np.abs(x) <= T * 10 ** (-knee_db / 20)
    assert np.abs(y[below] - x[below]).max() <= 1e-7
    assert np.abs(y).max() <= T + 1e-7
    assert np.diff(y).min() >= -1e-7
    bent = np.abs(x) > 2 * T * 10 ** (-knee_db / 20)
    assert (np.abs(y[bent]) < np.abs(x[bent])).all()


def test_wider_knees_are_softer():
    tone = coherent_sine(1000, RATE, amplitude=0.9)
    outputs = [clip(tone.audio, knee_db=knee_db, oversample=4) for knee_db in (0.0, 3.0, 6.0, 12.0)]
    upper = [np.sum(harmonics(y, tone)[7:] ** 2) for y in outputs]
    assert all(later < 0.7 * earlier for earlier, later in zip(upper, upper[1:], strict=False))


ALIASING_DB = {  # (oversample, antialias): hard at 1245 Hz, tanh at 1245 Hz; sine at half of full scale, 24 dB of drive
    (1, "none"): (-23, -27),
    (1, "adaa1"): (-30, -33),
    (2, "none"): (-39, -60),
    (2, "adaa1"): (-56, -74),
    (4, "none"): (-54, -120),
    (4, "adaa1"): (-76, -130),
    (8, "none"): (-65, -130),
    (8, "adaa1"): (-94, -130),
}


@pytest.mark.parametrize("oversample, antialias", ALIASING_DB)
def test_aliasing_contract(oversample, antialias):
    tone = coherent_sine(1245, RATE)
    for mode, limit_db in zip(("hard", "tanh"), ALIASING_DB[oversample, antialias], strict=True):
        y = clip(tone.audio, mode=mode, drive_db=24.0, oversample=oversample, antialias=antialias)
        found = aliasing_to_signal_db(y, tone)
        print(f"{mode} {oversample}x {antialias}: {found:.1f} dB")
        assert limit_db - 12 <= found <= limit_db


@pytest.mark.parametrize("mode, knee_db", [("hard", 0.0), ("hard", 4.0), ("cubic", 0.0), ("tanh", 6.0)])
@pytest.mark.parametrize("oversample, antialias", [(1, "none"), (2, "adaa1")])
def test_gradients(mode, knee_db, oversample, antialias):
    torch.manual_seed(1)
    settings = {"mode": mode, "knee_db": knee_db, "oversample": oversample, "antialias": antialias}
    module = EFFECT.torch_module(RATE, drive_db=8.0, **settings)
    names, values = zip(*module.named_parameters(), strict=True)
    if not knee_db:  # at the end of its range, where the clipper jumps to another curve
        names, values = zip(*((n, v) for n, v in zip(names, values, strict=True) if n != "knee_db"), strict=True)
    x = (0.4 * torch.randn(2, 30, dtype=torch.float64)).requires_grad_()
    call = lambda x, *v: torch.func.functional_call(module, dict(zip(names, v, strict=True)), (x,))  # noqa: E731
    assert torch.autograd.gradcheck(call, (x, *values), atol=1e-5)
