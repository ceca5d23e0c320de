"""The differentiable cascade: equal to the streams, and its gradients equal to finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxlab.audio import biquad
from fxlab.effects import biquad_torch

RATE = 48_000.0


def double(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_gradients_of_audio_and_coefficients():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 30, dtype=torch.float64, requires_grad=True)
    designs = biquad.lowpass(3000, 0.8, RATE), biquad.peaking(900, 8, 2, RATE), biquad.dc_blocker(20, RATE)
    sections = torch.tensor(np.array(designs), requires_grad=True)
    assert torch.autograd.gradcheck(biquad_torch.cascade, (x, sections))


def test_gradients_with_one_cascade_per_row():
    torch.manual_seed(1)
    x = torch.randn(2, 3, 20, dtype=torch.float64, requires_grad=True)
    sections = (0.2 * torch.randn(2, 3, 2, 5, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(biquad_torch.cascade, (x, sections))


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_gradients_of_the_shortest_signals(frames):
    x = torch.randn(1, frames, dtype=torch.float64, requires_grad=True)
    sections = torch.tensor(biquad.lowpass(3000, 0.8, RATE)[None], requires_grad=True)
    assert torch.autograd.gradcheck(biquad_torch.cascade, (x, sections))


@pytest.mark.parametrize("name", ["lowpass", "highpass", "peaking", "low_shelf", "high_shelf", "one_pole_lowpass", "dc_blocker"])
def test_designs_are_those_of_numpy_and_differentiable(name):
    values = {"lowpass": 2, "highpass": 2, "one_pole_lowpass": 1, "dc_blocker": 1}.get(name, 3)
    arguments = [double(700.0, 5000.0), double(3.0, -8.0), double(0.7, 2.0)]
    arguments = [arguments[0], arguments[2]] if values == 2 else arguments[:values]
    design = getattr(biquad_torch, name)
    for row, numbers in enumerate(zip(*(a.tolist() for a in arguments), strict=True)):
        expected = getattr(biquad, name)(*numbers, RATE)
        assert np.allclose(design(*arguments, RATE)[row].detach().numpy(), expected, rtol=1e-12, atol=1e-15)
    assert torch.autograd.gradcheck(lambda *a: design(*a, RATE), arguments)


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("shape", [(700,), (2, 700), (2, 1, 3, 700)])
def test_forward_is_the_stream(dtype, tolerance, shape):
    x = (0.3 * torch.randn(shape)).to(dtype)
    sections = np.array([biquad.low_shelf(100, 6, 0.7, RATE), biquad.lowpass(9000, 0.7, RATE)])
    y = biquad_torch.cascade(x, torch.from_numpy(sections))
    flat = x.double().numpy().reshape(-1, 700)
    expected = biquad.reference_cascade(flat, sections, np.zeros((len(flat), 2, 2)))[0]
    assert y.dtype == dtype and y.shape == x.shape
    assert np.abs(y.numpy().reshape(-1, 700) - expected).max() < tolerance


def test_a_cutoff_is_found_by_descent():
    torch.manual_seed(2)
    x = torch.randn(1, 2000)
    target = biquad_torch.cascade(x, biquad_torch.one_pole_lowpass(double(2500.0), RATE)).detach()
    octaves = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([octaves], lr=0.1)
    for _ in range(120):
        optimiser.zero_grad()
        y = biquad_torch.cascade(x, biquad_torch.one_pole_lowpass(1000.0 * 2.0**octaves, RATE))
        (y - target).square().mean().backward()
        optimiser.step()
    assert 1000 * 2 ** octaves.item() == pytest.approx(2500, rel=0.01)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="don't fit"):
        biquad_torch.cascade(torch.zeros(2, 100), torch.zeros(3, 1, 5))
    with pytest.raises(ValueError, match="don't fit"):
        biquad_torch.cascade(torch.zeros(2, 100), torch.zeros(1, 6))
