"""The mastering network's configuration: what it describes is what is built, and nothing else is taken."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from fxlab.engines.loader import engines_of, open_processor, read_model
from fxlab.errors import InputError, UsageError
from fxlab.mastering.components import components
from fxlab.mastering.config import SIZES, MasterConfig
from fxlab.mastering.network import MasterNet
from fxlab.models import checkpoint
from fxlab.models.model import config_of, describe
from fxlab.models.registry import build

_spec = importlib.util.spec_from_file_location("fxlab_tests_networks", Path(__file__).with_name("networks.py"))
networks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(networks)
PHASES, RATE, TINY = networks.PHASES, networks.RATE, networks.TINY
song, stirred, tiny = networks.song, networks.stirred, networks.tiny
COMPACT = SIZES["compact"]


def card_of(config):
    return {"format": checkpoint.CARD_FORMAT, "model": describe(config), "sample_rate_hz": config.sample_rate_hz}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("change", [{}, {"skips": False}, {"conditioning": "concat"}, {"abstain": False, "features": 0}])
@pytest.mark.parametrize("config", [TINY, COMPACT])
def test_what_it_describes_is_what_is_built(config, phase, change):
    config = dataclasses.replace(config.with_phase(phase), **change)
    network = build(config)
    state = network.state_dict()
    assert list(config.weight_shapes().items()) == [(name, tuple(tensor.shape)) for name, tensor in state.items()]
    assert all(tensor.dtype == torch.float32 for tensor in state.values())
    assert config.parameters_count == sum(tensor.numel() for tensor in network.parameters())
    assert config_of(json.loads(json.dumps(card_of(config)))) == config


def test_the_seed_as_drawn():
    network = MasterNet(SIZES["seed"].with_phase("1c"))
    assert [tuple(layer.conv.weight.shape) for layer in network.encoder.stem] == [(64, 1, 15), (128, 64, 15)]
    assert [layer.conv.stride for layer in network.encoder.stem] == [(4,), (4,)]
    assert [tuple(block.second.conv.weight.shape) for block in network.encoder.blocks] == [
        (128, 128, 3),
        (256, 256, 3),
        (256, 256, 3),
        (512, 512, 3),
    ]
    assert [block.first.conv.dilation[0] for block in network.encoder.blocks] == [1, 2, 4, 8]
    assert [block.residual is None for block in network.encoder.blocks] == [True, False, True, False]
    assert [tuple(layer.weight.shape) for layer in network.decoder.hidden] == [(256, 512), (256, 256)]
    assert tuple(network.decoder.selector.hidden.weight.shape) == (128, 512)
    assert network.decoder.freq.out_features == network.decoder.selector.out.out_features == 10
    shapes = [
        tuple(block.conv.weight.shape) for block in (*network.residual.down, network.residual.bottleneck, *network.residual.up)
    ]
    assert shapes == [
        (32, 1, 15),
        (64, 32, 15),
        (128, 64, 15),
        (256, 128, 15),
        (128, 384, 15),
        (64, 192, 15),
        (32, 96, 15),
    ]
    assert network.encoder.vectors(torch.zeros(1, 1, 4410)).shape == (1, 512, 276)


def test_phases():
    assert [(TINY.with_phase(phase).bands, TINY.with_phase(phase).adaptive) for phase in PHASES] == [
        (5, False),
        (5, False),
        (10, True),
        (10, True),
    ]
    with pytest.raises(UsageError, match="no phase '3'"):
        TINY.with_phase("3")
    with pytest.raises(UsageError, match="no knobs"):
        TINY.with_controls(1)
    assert TINY.with_controls(0) == TINY
    assert TINY.at_rate(48_000).sample_rate_hz == 48_000


@pytest.mark.parametrize("config", [TINY, COMPACT, dataclasses.replace(TINY, channels=1)])
def test_costs_are_those_of_the_modules(config):
    config = config.with_phase("2")
    network, counted = MasterNet(config).eval(), {}

    def count(part, layer, inputs, output):
        if isinstance(layer, nn.Conv1d):
            counted[part] = counted.get(part, 0) + layer.weight.numel() * output.shape[-1]
        else:
            counted[part, "once"] = counted.get((part, "once"), 0) + layer.weight.numel()

    for part in ("encoder", "decoder", "grey_box", "residual"):
        for layer in getattr(network, part).modules():
            if isinstance(layer, (nn.Conv1d, nn.Linear)):
                layer.register_forward_hook(lambda *args, part=part: count(part, *args))
    frames = 20 * max(config.encoder_stride, config.alignment)
    z = network.analyse(torch.zeros(1, 1, config.channels, frames), torch.zeros(1, config.features) if config.features else None)
    network.settings(z)
    network.residual.train()
    network.residual.inside(torch.zeros(1, config.channels, frames), z)
    parts = {one.name: one for one in components(config)}
    named = {"encoder": "encoder", "adaptive decoder": "decoder", "grey box": "grey_box", "residual decoder": "residual"}
    assert list(parts) == list(named)
    for name, part in named.items():
        if part in counted:
            assert parts[name].macs_per_second == round(counted[part] / frames * config.sample_rate_hz)
        assert parts[name].macs_once == counted[part, "once"]
        assert parts[name].parameters == sum(tensor.numel() for tensor in getattr(network, part).parameters())
    assert sum(one.parameters for one in components(config)) == config.parameters_count


def positive(network):
    """Every weight above zero, so that no path is cut by a ReLU or cancelled by another."""
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.copy_(0.01 + tensor.abs())
    return network.double().eval()


@pytest.mark.parametrize("config", [TINY, COMPACT])
def test_the_encoder_hears_as_far_as_it_says(config):
    encoder = positive(MasterNet(config)).encoder
    frames = 3 * config.receptive_field // config.encoder_stride * config.encoder_stride
    audio = torch.ones(1, config.channels, frames, dtype=torch.float64, requires_grad=True)
    vectors = encoder.vectors(audio)
    assert vectors.shape[-1] == frames // config.encoder_stride
    (gradient,) = torch.autograd.grad(vectors[0, :, vectors.shape[-1] // 2].sum(), audio)
    assert int((gradient != 0).any(1).sum()) == config.receptive_field


@pytest.mark.parametrize("change", [{}, {"skips": False}, {"residual": (2, 3)}, {"residual_kernel": 9}])
def test_the_residual_hears_as_far_as_it_says(change):
    config = tiny("1b", **change)
    residual = positive(MasterNet(config)).residual
    z = torch.ones(1, config.latent, dtype=torch.float64)
    middle, fields, contexts = 10 * residual.alignment + residual.context // 8 * 8, [], []
    for at in range(middle, middle + residual.alignment):
        audio = torch.ones(1, 2, 2 * middle, dtype=torch.float64, requires_grad=True)
        (gradient,) = torch.autograd.grad(residual(audio, z)[..., at].sum(), audio)
        (heard,) = torch.nonzero((gradient[0] != 0).any(0), as_tuple=True)
        fields.append(int(heard[-1] - heard[0]) + 1)
        contexts.append(max(at - int(heard[0]), int(heard[-1]) - at))
    described = {one.name: one for one in components(config)}["residual decoder"]
    assert (max(fields), max(contexts)) == (described.receptive_field, residual.context)


@pytest.mark.parametrize(
    "change",
    [
        {"stem": [10**9]},
        {"stem": []},
        {"stem": [8] * 10**5},
        {"stem": 8},
        {"blocks": [8, 8, 8]},
        {"blocks": [1024, 1024], "dilations": [1, 1], "block_kernel": 63},
        {"dilations": [1, 10**9]},
        {"dilations": [0, 1]},
        {"dilations": [True, 1]},
        {"stem_kernel": 4},
        {"stem_kernel": -5},
        {"stem_stride": 0},
        {"stem_stride": 10**6},
        {"latent": 10**12},
        {"latent": 64.0},
        {"hidden": 0},
        {"dropout": float("nan")},
        {"dropout": 1.0},
        {"dropout": "0"},
        {"bands": 0},
        {"bands": 10**6},
        {"adaptive": 1},
        {"phase": "3"},
        {"phase": None},
        {"residual": [8]},
        {"residual": [8] * 40},
        {"residual": {"0": 8}},
        {"residual_kernel": 10**4 + 1},
        {"channels": 3},
        {"skips": "yes"},
        {"conditioning": "none"},
        {"features": -1},
        {"features": 10**9},
        {"abstain": 0},
        {"sample_rate_hz": 10},
        {"sample_rate_hz": 44_100.0},
        {"sample_rate_hz": 48_000},  # the card says another
        {"size": 7},
    ],
)
def test_hostile_configurations_are_refused(change):
    card = card_of(TINY)
    with pytest.raises(InputError):
        config_of(card | {"model": card["model"] | {"config": TINY.to_json() | change}})


@pytest.mark.parametrize("name", TINY.to_json())
def test_a_configuration_that_lacks_something_is_refused(name):
    with pytest.raises(InputError):
        MasterConfig.from_json({key: value for key, value in TINY.to_json().items() if key != name})


@pytest.mark.parametrize("phase", ["1a", "2"])
def test_a_checkpoint_comes_back(tmp_path, phase):
    network = stirred(tiny(phase))
    path = tmp_path / "master.safetensors"
    checkpoint.save(path, network, card_of(network.config))
    again, card, _, _ = checkpoint.load(path)
    windows, features, audio = song(frames=800)[:, None], torch.ones(2, 2), song()
    assert card == card_of(network.config) and not again.training
    assert torch.equal(again(windows, features, audio)[0], network(windows, features, audio)[0])


def test_it_is_no_effect(tmp_path):
    path = tmp_path / "master.safetensors"
    checkpoint.save(path, stirred(TINY), card_of(TINY))
    for use in (engines_of, open_processor, lambda name: read_model(Path(name))):
        with pytest.raises(UsageError, match="mastering model") as raised:
            use(str(path))
        assert "fxlab master --model" in raised.value.hint
