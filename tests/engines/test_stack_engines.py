"""Every engine plays stacks of layers as torch's own layers do in double precision, in any blocks."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
from torch import nn

from fxlab.effects import contract
from fxlab.effects.processor import apply
from fxlab.engines.golden import golden_input, play, random_blocks
from fxlab.engines.loader import processor_of
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.formats.card import foreign_card
from fxlab.models import checkpoint
from fxlab.models.registry import architecture, build
from fxlab.models.stack_config import LayerConfig, StackConfig

RATE = 48_000
FRAMES = 1200
CONFIGS = {
    **{f"{cell}-{size}": config for cell in ("lstm", "gru") for size, config in architecture(cell).sizes.items()},
    "lstm-lstm": StackConfig((LayerConfig("lstm", 1, 12), LayerConfig("lstm", 12, 7), LayerConfig("dense", 7, 1))),
    "gru-lstm": StackConfig((LayerConfig("gru", 1, 5), LayerConfig("lstm", 5, 3), LayerConfig("conv1d", 3, 1, "tanh", 4, 9))),
    "conv-dense": StackConfig((LayerConfig("conv1d", 1, 8, "tanh", 64, 1), LayerConfig("dense", 8, 1))),
    "convs": StackConfig(
        (
            LayerConfig("conv1d", 1, 6, "relu", 3, 128),
            LayerConfig("conv1d", 6, 4, "sigmoid", 1, 1),
            LayerConfig("conv1d", 4, 4, "silu", 2, 500),
            LayerConfig("dense", 4, 3, "softsign"),
            LayerConfig("dense", 3, 1, "leaky_relu"),
        )
    ),
    "dense": StackConfig((LayerConfig("dense", 1, 16, "hard_tanh"), LayerConfig("dense", 16, 1, "hard_swish"))),
    "lstm-skip": dataclasses.replace(architecture("lstm").config("16"), skip=True),
    "conv-skip": StackConfig((LayerConfig("conv1d", 1, 3, "tanh", 5, 20), LayerConfig("dense", 3, 1)), skip=True),
    "last-is-recurrent": StackConfig((LayerConfig("dense", 1, 4, "tanh"), LayerConfig("gru", 4, 1)), skip=True),
}
ACTIVATIONS = {
    "linear": nn.Identity(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "hard_tanh": nn.Hardtanh(),
    "silu": nn.SiLU(),
    "softsign": nn.Softsign(),
    "hard_swish": nn.Hardswish(),
}


def make(name, warm_up=300):
    config = dataclasses.replace(CONFIGS[name], warm_up=warm_up)
    torch.manual_seed(sum(map(ord, name)))
    return checkpoint.model_of(build(config), foreign_card(config, RATE, "test", {}))


def by_torchs_layers(model, audio):
    """The network after its receptive field of silence, in float64, (frames,)."""
    config = model.config
    x = dry = torch.cat((torch.zeros(config.receptive_field - 1, dtype=torch.float64), torch.from_numpy(audio).double()))[:, None]
    with torch.inference_mode():
        for i, layer in enumerate(config.layers):
            weights = {k: torch.from_numpy(model.weights[f"layers.{i}.{k}"]).double() for k in layer.weight_shapes()}
            if layer.recurrent:
                module = {"lstm": nn.LSTM, "gru": nn.GRU}[layer.kind](layer.inputs, layer.outputs).double()
                module.load_state_dict({f"{k}_l0": v for k, v in weights.items()})
                x = module(x)[0]
                continue
            if layer.kind == "dense":
                module = nn.Linear(layer.inputs, layer.outputs).double()
                module.load_state_dict(weights)
                x = module(x)
            else:
                module = nn.Conv1d(layer.inputs, layer.outputs, layer.kernel_size, dilation=layer.dilation).double()
                module.load_state_dict(weights)
                x = module(nn.functional.pad(x.T[None], (layer.history, 0)))[0].T
            x = ACTIVATIONS[layer.activation](x)
    wet = x + dry if config.skip else x
    return wet[config.receptive_field - 1 :, 0].numpy()


@pytest.mark.parametrize("engine", NETWORK_ENGINES)
@pytest.mark.parametrize("name", CONFIGS)
def test_engines_play_what_torchs_layers_play(name, engine):
    model, audio = make(name), golden_input(FRAMES, seed=4)
    expected = by_torchs_layers(model, audio)
    assert np.ptp(expected) > 1e-3
    processor = processor_of(model, engine)
    for seed, largest in enumerate((17, 400)):
        played = play(processor, audio, RATE, random_blocks(FRAMES, largest, seed))
        np.testing.assert_allclose(played, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", NETWORK_ENGINES)
@pytest.mark.parametrize("name", ["lstm-16", "gru-lstm", "conv-skip"])
def test_channels_keep_to_themselves(name, engine):
    processor = processor_of(make(name), engine)
    one, other = golden_input(500, seed=1), golden_input(500, seed=2)
    both = apply(processor, np.stack((one, other)), RATE, 64)
    alone = [apply(processor, audio, RATE, 64) for audio in (one, other)]
    np.testing.assert_allclose(both, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("engine", NETWORK_ENGINES)
@pytest.mark.parametrize("name", ["lstm-16", "gru-16", "conv-skip"])
def test_states_are_values(name, engine):
    fresh = functools.partial(processor_of, make(name), engine)
    contract.check_state(fresh, golden_input(600)[None])
    contract.check_reset(fresh, golden_input(600)[None])
