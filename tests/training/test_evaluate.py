"""Playing takes: the same in pieces of any size, and what recurrent networks remember reaches across all of them."""

import numpy as np
import pytest
import torch

from fxlab.metrics.quality import esr
from fxlab.models.stack import Stack
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES
from fxlab.training import evaluate
from fxlab.training.pair import Pair

LAYERS = LayerConfig("conv1d", 1, 3, "tanh", 4), LayerConfig("dense", 3, 1)
NETWORKS = {
    "tcn": lambda: TCN(SIZES["nano"]),
    "conv": lambda: Stack(StackConfig(LAYERS)),
    **{
        cell: lambda cell=cell: Stack(StackConfig((LAYERS[0], LayerConfig(cell, 3, 3), LAYERS[1]), warm_up=50))
        for cell in ("lstm", "gru")
    },
}


def network_of(name):
    torch.manual_seed(0)
    return NETWORKS[name]().eval()


def pair(frames, **kwargs):
    x = np.random.default_rng(0).standard_normal(frames).astype(np.float32) * 0.3
    return Pair(x, 0.5 * x, **kwargs)


@pytest.mark.parametrize("from_rest", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_take_in_pieces_is_the_take_in_one(name, from_rest, monkeypatch):
    network, take = network_of(name), pair(9000, from_rest=from_rest)
    target, whole = evaluate.play(network, take)
    left_out = 0 if from_rest else network.receptive_field - 1
    assert np.array_equal(target, take.target[left_out:]) and len(whole) == len(target)
    context = np.zeros(network.receptive_field - 1 if from_rest else 0, np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(np.concatenate((context, take.input)))[None, None])[0, 0].numpy()
    np.testing.assert_allclose(whole, expected, rtol=0, atol=1e-6)
    monkeypatch.setattr(evaluate, "CHUNK", 700)
    np.testing.assert_allclose(evaluate.play(network, take)[1], whole, rtol=0, atol=1e-6)


def test_a_recurrent_network_remembers_beyond_its_warm_up(monkeypatch):
    """A click that only a state carried through all pieces still knows of, long after the warm-up's length."""
    network = Stack(StackConfig((LayerConfig("lstm", 1, 1), LayerConfig("dense", 1, 1)), warm_up=10)).eval()
    forever = {"weight_hh": 0.0, "weight_ih": [[0], [0], [9], [0]], "bias_ih": [9, 99, 0, 9], "bias_hh": 0.0}
    with torch.no_grad():
        for name, value in forever.items():
            getattr(network.layers[0], name).copy_(torch.as_tensor(value))
    click = np.zeros(2000, np.float32)
    click[5] = 1.0
    monkeypatch.setattr(evaluate, "CHUNK", 100)
    _, output = evaluate.play(network, Pair(click, click))
    assert abs(output[-1] - output[0]) > 0.1 and output[-1] == pytest.approx(output[6], abs=1e-5)


def test_the_pooled_error_is_that_of_all_takes_as_one():
    network, takes = network_of("gru"), [pair(300), pair(800)]
    played = [evaluate.play(network, take) for take in takes]
    expected = esr(*(np.concatenate([signals[i] for signals in played]) for i in (0, 1)))
    assert evaluate.pooled_esr(network, takes) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["tcn", "lstm"])
def test_silence_is_heard_after_the_warm_up(name):
    figures = evaluate.on_silence(network_of(name), 8000, np.zeros(0, np.float32))
    assert figures["noise_db"] < -80 and np.isfinite(figures["dc"])
