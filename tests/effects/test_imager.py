"""The imager against the algebra of middle and side, and against SciPy's high-pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from fxlab.effects.imager import EFFECT
from fxlab.effects.imager.torch_widen import widen
from fxlab.effects.processor import apply

RATE = 48_000
SETTINGS = [
    {"width": 0.0},
    {"width": 0.4},
    {"width": 2.0},
    {"width": 1.0, "low_width": 0.0},
    {"width": 1.5, "low_width": 0.3, "crossover_hz": 700.0},
]
every_form = pytest.mark.parametrize("form", ["numba", "numpy", "torch"])
every_setting = pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: "-".join(map(str, one.values())))


def play(form, x, **settings):
    if form == "torch":
        return EFFECT.torch_module(RATE, **settings)(torch.tensor(x)).detach().numpy()
    return apply(EFFECT.processor(form, **settings), x, RATE, 177)


def noise(channels=2, frames=3000, seed=0):
    return (0.3 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


def middle_and_side(x):
    return 0.5 * (x[0].astype(np.float64) + x[1]), 0.5 * (x[0].astype(np.float64) - x[1])


@every_form
def test_width_1_leaves_every_bit(form):
    x = noise()
    for crossover in (20.0, 1000.0):
        assert play(form, x, width=1.0, crossover_hz=crossover).tobytes() == x.tobytes()


@every_form
@every_setting
def test_the_middle_stays_and_the_side_is_scipys(form, settings):
    x = noise()
    middle, side = middle_and_side(x)
    v = EFFECT.resolve(settings)
    filter_ = signal.butter(2, v["crossover_hz"], "highpass", fs=RATE, output="sos")
    expected = v["width"] * (v["low_width"] * side + (1 - v["low_width"]) * signal.sosfilt(filter_, side))
    wet = play(form, x, **settings)
    assert wet.dtype == np.float32
    got = middle_and_side(wet)
    np.testing.assert_allclose(got[0], middle, atol=1e-7)
    np.testing.assert_allclose(got[1], expected, atol=2e-7)


@every_form
def test_width_0_is_mono(form):
    x = noise()
    left, right = play(form, x, width=0.0, low_width=0.5)
    np.testing.assert_array_equal(left, right)
    np.testing.assert_allclose(left, middle_and_side(x)[0], atol=1e-7)


@every_form
@every_setting
def test_what_has_no_side_keeps_every_bit(form, settings):
    mono = noise(1)
    for x in (mono, np.concatenate((mono, mono)), noise(3), noise(6)):
        assert play(form, x, **settings).tobytes() == x.tobytes()


def test_bass_in_mono_falls_by_12_db_per_octave():
    frames = 1 << 15
    impulse = np.zeros((2, frames), np.float32)
    impulse[0, 0] = 1.0
    wet = apply(EFFECT.processor(low_width=0.0, crossover_hz=120.0), impulse, RATE)
    side = np.abs(np.fft.rfft(middle_and_side(wet)[1])) * 2
    level_db = 20 * np.log10(np.interp([30.0, 60.0, 120.0, 2000.0], np.fft.rfftfreq(frames, 1 / RATE), side))
    assert level_db == pytest.approx([-24.1, -12.3, -3.0, 0.0], abs=0.1)


def test_a_batch_of_sets_is_each_alone():
    x = np.stack([noise(seed=seed) for seed in range(4)])
    sets = {"width": [0.2, 1.0, 1.3, 2.0], "low_width": [0.0, 1.0, 0.5, 0.9], "crossover_hz": [50.0, 120.0, 400.0, 1000.0]}
    wet = widen(torch.tensor(x), rate_hz=RATE, **{name: torch.tensor(value) for name, value in sets.items()})
    for item in range(4):
        expected = play("numba", x[item], **{name: values[item] for name, values in sets.items()})
        np.testing.assert_allclose(wet[item].numpy(), expected, atol=1e-6)


def test_gradients_are_exact():
    torch.manual_seed(0)
    x = torch.randn(2, 2, 40, dtype=torch.float64, requires_grad=True)
    values = ([1.5, 0.3], [0.2, 0.9], [400.0, 90.0])
    columns = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    assert torch.autograd.gradcheck(lambda x, width, low, hz: widen(x, width, RATE, low, hz), (x, *columns))


def test_learns_another_ones_width():
    x = torch.tensor(noise())
    wanted = EFFECT.torch_module(RATE, width=1.6)(x).detach()
    module = EFFECT.torch_module(RATE)
    optimiser = torch.optim.Adam([module.width], lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        (module(x) - wanted).square().mean().backward()
        optimiser.step()
    assert module.width.item() == pytest.approx(1.6, abs=0.02)
