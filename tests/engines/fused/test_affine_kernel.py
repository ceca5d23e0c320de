"""Compiled dense layers, convolutions and activations against torch's."""

import numpy as np
import pytest
import torch
from torch import nn

from fxlab.engines.fused.activation_kernel import activate
from fxlab.engines.fused.affine_kernel import affine, mix
from fxlab.engines.fused.packing import pack_affine, pack_mix, width_of
from fxlab.models.activations import ACTIVATIONS
from fxlab.models.activations import activate as torch_activate


def rows(frames, columns, step, seed=0):
    """(frames, step) of which the first columns are noise and the others what must not matter."""
    x = np.full((frames, step), 1e6, np.float32)
    x[:, :columns] = np.random.default_rng(seed).standard_normal((frames, columns))
    return x


@pytest.mark.parametrize("frames", [1, 3, 4, 66])
@pytest.mark.parametrize("inputs, step", [(1, 1), (3, 8), (16, 16), (21, 24)])
@pytest.mark.parametrize("outputs", [1, 7, 16, 24, 40, 65])
def test_dense_layers_equal_torch(frames, inputs, step, outputs):
    torch.manual_seed(outputs)
    layer = nn.Linear(inputs, outputs)
    weights, bias = pack_affine(layer.weight.detach().numpy(), layer.bias.detach().numpy())
    x, out = rows(frames, inputs, step), np.full((frames, width_of(outputs)), np.nan, np.float32)
    affine(x, inputs, 1, 1, weights, bias, out)
    wanted = layer(torch.from_numpy(x[:, :inputs])).detach().numpy()
    np.testing.assert_allclose(out[:, :outputs], wanted, rtol=0, atol=1e-5)
    assert not out[:, outputs:].any()


@pytest.mark.parametrize("taps, dilation", [(1, 1), (2, 1), (3, 7), (64, 1), (5, 512)])
@pytest.mark.parametrize("inputs, outputs", [(1, 8), (6, 20), (16, 1), (24, 1)])
def test_convolutions_equal_torch(taps, dilation, inputs, outputs):
    torch.manual_seed(taps)
    layer, frames, step = nn.Conv1d(inputs, outputs, taps, dilation=dilation), 50, width_of(inputs) if inputs > 1 else 1
    x = rows(frames + (taps - 1) * dilation, inputs, step)
    wanted = layer(torch.from_numpy(x[:, :inputs].T[None].copy()))[0].T.detach().numpy()
    weight, bias = (parameter.detach().numpy() for parameter in (layer.weight, layer.bias))
    out = np.full((frames, width_of(outputs)), np.nan, np.float32)
    affine(x, inputs, taps, dilation, *pack_affine(weight, bias), out)
    np.testing.assert_allclose(out[:, :outputs], wanted, rtol=0, atol=1e-5)
    if outputs == 1:
        single = np.full(frames, np.nan, np.float32)
        mix(x, taps, dilation, *pack_mix(weight, bias, step), single)
        np.testing.assert_allclose(single, wanted[:, 0], rtol=0, atol=1e-5)


def test_a_single_output_ignores_padding():
    layer = nn.Linear(5, 1)
    x, out = rows(9, 5, 8), np.empty(9, np.float32)
    mix(x, 1, 1, *pack_mix(layer.weight.detach().numpy(), layer.bias.detach().numpy(), 8), out)
    np.testing.assert_allclose(out, layer(torch.from_numpy(x[:, :5]))[:, 0].detach().numpy(), rtol=0, atol=1e-5)


def test_neighbouring_frames_are_as_good_as_more_inputs():
    layer, x = nn.Conv1d(1, 12, 30), rows(129, 1, 1)
    packed = pack_affine(layer.weight.detach().numpy(), layer.bias.detach().numpy())
    by_taps, at_once = (np.empty((100, 16), np.float32) for _ in range(2))
    affine(x, 1, 30, 1, *packed, by_taps)
    affine(x, 30, 1, 1, *packed, at_once)
    np.testing.assert_allclose(at_once, by_taps, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_equal_torch(name):
    x = np.concatenate((np.linspace(-20, 20, 5001), [1e30, -1e30])).astype(np.float32)
    wanted = torch_activate(torch.from_numpy(x.copy()), name).numpy()
    activate(x, ACTIVATIONS.index(name), np.float32(0.01))
    np.testing.assert_allclose(x, wanted, rtol=1e-6, atol=3e-6)
