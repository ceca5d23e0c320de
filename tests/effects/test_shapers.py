"""Curves against closed forms, their antiderivatives against quadrature, and all three executions against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from fxlab.effects import shapers_kernel
from fxlab.effects.shapers import CUBIC, HARD, QUADRATIC, TANH, Shaper, adaa, antiderivative, curve

CURVES = [
    (HARD, 0.5, 0.0),
    (QUADRATIC, 0.25, 0.25),
    (CUBIC, 0.0, 0.5),
    (CUBIC, 0.3, 0.2),
    (TANH, 0.0, 1.0),
    (TANH, 0.2, 0.3),
]


def by_hand(kind, t, knee, span):
    """The curve at one value, written out case by case."""
    size, over = abs(t), abs(t) - knee
    if over <= 0:
        return t
    if kind == HARD:
        bent = 0.0
    elif kind == QUADRATIC:
        bent = over - over**2 / (4 * span) if over < 2 * span else span
    elif kind == CUBIC:
        bent = over - 4 * over**3 / (27 * span**2) if over < 1.5 * span else span
    else:
        bent = span * np.tanh(over / span)
    return np.copysign(min(size, knee) + bent, t)


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_curve_case_by_case(kind, knee, span):
    t = np.concatenate([np.linspace(-3, 3, 1001), [0.0, -0.0, knee, -knee, 1e30, -1e30, 1e-300]])
    expected = [by_hand(kind, value, knee, span) for value in t]
    assert np.abs(curve(np, kind, t, knee, span) - expected).max() < 1e-15


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_slope_is_one_to_the_knee_then_falls_to_the_ceiling(kind, knee, span):
    t = np.linspace(0, 30 * (knee + span), 100_001)
    y = curve(np, kind, t, knee, span)
    slope = np.diff(y) / np.diff(t)
    assert slope.max() <= 1 + 1e-9 and slope.min() >= -1e-12
    assert y[-1] == pytest.approx(knee + span, rel=1e-9)
    if kind != HARD:
        assert np.abs(np.diff(slope)).max() < 0.01  # no corner anywhere


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_antiderivative_is_the_integral(kind, knee, span):
    for t in (-400.0, -2.0, -0.31, -1e-3, 0.0, 0.1, 0.45, 0.77, 3.0, 250.0):
        corners = [c for c in (knee, knee + 1.5 * span, knee + 2 * span, 10.0) if c < abs(t)]
        points = [0.0, *corners, abs(t)]
        integral = sum(
            quad(lambda v: by_hand(kind, v, knee, span), a, b, epsabs=1e-13)[0] for a, b in zip(points, points[1:], strict=False)
        )
        assert float(antiderivative(np, kind, np.asarray(t), knee, span)) == pytest.approx(integral, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind, knee, span", CURVES)
@pytest.mark.parametrize("step", [0.0, 1e-300, 1e-9, 0.99e-6, 1.01e-6, 1e-4, 0.1, 5.0])
def test_adaa_is_the_mean_of_the_curve(kind, knee, span, step):
    rng = np.random.default_rng(0)
    before = np.concatenate([rng.uniform(-2, 2, 40), [knee - step / 2, 0.0, 200.0]])
    after = before + step
    points = (np.arange(4000) + 0.5) / 4000
    mean = curve(np, kind, before[:, None] + step * points, knee, span).mean(axis=1)
    # Just above the switch to the middle the quotient has lost about ten of its sixteen digits.
    assert np.abs(adaa(np, kind, before, after, knee, span) - mean).max() < 2e-7


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_compiled_curves_are_those_of_numpy(kind, knee, span):
    x = np.concatenate([np.linspace(-4, 4, 5001), [0.0, 1e30, -1e30, 0.0, 1e-9]])
    law = Shaper(kind, knee, span, gain=3.0, bias=0.15)
    t = 3.0 * x + 0.15
    constants = shapers_kernel.constants(law)
    assert constants[-1] == pytest.approx(law.offset, abs=3e-7)
    naive, smooth = x.copy(), x.copy()
    shapers_kernel.shape(naive, *constants)
    last = shapers_kernel.shape_adaa(smooth, *constants, 0.15)
    assert last == t[-1]
    assert np.abs(naive - (curve(np, kind, t, knee, span) - law.offset)).max() < 6e-7
    assert np.abs(smooth - (adaa(np, kind, np.append(0.15, t[:-1]), t, knee, span) - law.offset)).max() < 6e-7
    assert np.abs(naive).max() <= law.largest + 6e-7


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_torch_curves_are_those_of_numpy_and_differentiable(kind, knee, span):
    t = np.concatenate([np.linspace(-2, 2, 401), [0.0, 50.0]])
    tensor = torch.from_numpy(t)
    for function in (curve, antiderivative):
        assert np.abs(function(torch, kind, tensor, knee, span).numpy() - function(np, kind, t, knee, span)).max() < 1e-14
    limits = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (knee, span)]
    x = torch.linspace(-1.913, 1.87, 31, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: curve(torch, kind, x, *limits), (x,))
    after = (x.detach() + torch.linspace(-0.7, 0.9, 31, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: adaa(torch, kind, a, b, *limits), (x, after))
    if knee > 0 and span > 0:
        assert torch.autograd.gradcheck(lambda k, s: curve(torch, kind, x.detach(), k, s), limits)


@pytest.mark.parametrize("kind, knee, span", CURVES)
def test_gradient_at_rest_is_the_slope_one(kind, knee, span):
    x = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    curve(torch, kind, x, knee, span).sum().backward()
    assert torch.equal(x.grad, torch.ones(3, dtype=torch.float64))
    x.grad = None
    adaa(torch, kind, x, x.flip(0), knee, span).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_fast_tanh_is_within_minus_120_db_over_all_floats():
    """Dense where tanh bends, and every 251st float32 of all that exist, denormals and the largest included."""
    bits = np.arange(0, 0x7F800000, 251, dtype=np.uint32)
    everywhere = bits.view(np.float32)
    dense = np.linspace(0, 10, 2_000_001, dtype=np.float32)
    special = np.array([0.0, np.finfo(np.float32).tiny, np.finfo(np.float32).max, 7.9999995, 8.0, 8.000001], np.float32)
    for x in (everywhere, dense, special):
        for sign in (1, -1):
            out = np.empty_like(x)
            shapers_kernel.saturate(np.float32(sign) * x, out, np.float32(1), np.float32(0), np.float32(0))
            assert np.abs(out - sign * np.tanh(x.astype(np.float64))).max() < 3.5e-7
            assert np.abs(out).max() <= 1.0


def test_fast_tanh_in_double():
    x = np.linspace(-12, 12, 1_000_001)
    out = x.copy()
    shapers_kernel.shape(out, TANH, 0.0, 1.0, 1.0, 0.0, 0.0)
    error = np.abs(out - np.tanh(x))
    assert error.max() < 2.5e-7
    assert error[np.abs(x) < 7.9].max() < 1e-8


def test_silence_and_what_is_not_a_number_give_exact_zeros():
    x = np.array([0.0, np.nan, np.inf, -np.inf, 1e-40, 0.5], np.float32)
    out, still = np.empty_like(x), np.empty(1, np.float32)
    gain, bias = np.float32(4), np.float32(0.2)
    shapers_kernel.saturate(np.zeros(1, np.float32), still, gain, bias, np.float32(0))
    shapers_kernel.saturate(x, out, gain, bias, still[0])
    assert (out[:5] == 0).all() and out[5] > 0.5
    shapers_kernel.clip(x, out, np.float32(0.25), gain, np.float32(1))
    assert (out[:5] == 0).all() and out[5] == 0.25
