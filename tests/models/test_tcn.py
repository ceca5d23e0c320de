"""The TCN: its published sizes, its receptive field, and streaming equal to running it whole."""

import pytest
import torch

from fxlab.errors import InputError, UsageError
from fxlab.models.registry import architecture
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

# Weight counts of Neural Amp Modeler's WaveNet presets, and our own large and single.
WEIGHTS = {"large": 53_714, "standard": 13_802, "lite": 6_554, "feather": 3_026, "nano": 842, "single": 2_818}


@pytest.mark.parametrize("size", SIZES)
def test_sizes(size):
    network = TCN(SIZES[size])
    assert sum(p.numel() for p in network.parameters()) == WEIGHTS[size]
    assert network.receptive_field == (2047 if size == "single" else 4093)


# Everything that other people's networks have and ours don't: kernels of different sizes, gates, a head that looks back.
ODD = TCNConfig(
    (
        ArrayConfig(5, 3, (1, 4, 2), (3, 2, 6), activation="leaky_relu", gated=True),
        ArrayConfig(3, 1, (1, 7), (6, 15), head_bias=True, head_kernel=16, activation="hard_tanh"),
    )
)
CONFIGS = {**SIZES, "odd": ODD}


@pytest.mark.parametrize("size", CONFIGS)
def test_the_config_knows_weights_and_states(size):
    network = TCN(CONFIGS[size])
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == CONFIGS[size].weight_shapes()
    assert sum(p.numel() for p in network.parameters()) == CONFIGS[size].parameters_count


@pytest.mark.parametrize("size", CONFIGS)
def test_receptive_field_is_exact(size):
    """The first output of a valid run depends on its first input sample, and one sample fewer is too few."""
    network = TCN(CONFIGS[size]).double()
    dry = torch.randn(1, 1, network.receptive_field, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(dry).sum(), dry)
    assert network(dry).shape == (1, 1, 1)
    assert gradient[0, 0, 0] != 0
    with pytest.raises(RuntimeError):
        network(dry[..., 1:])


def test_causality():
    network = TCN(SIZES["nano"]).double()
    dry = torch.randn(1, 1, network.receptive_field + 99, dtype=torch.double)
    changed = dry.clone()
    changed[..., -50:] += 1
    before, after = network(dry), network(changed)
    assert torch.equal(before[..., :50], after[..., :50])
    assert not torch.equal(before[..., 50:], after[..., 50:])


@pytest.mark.parametrize("size", CONFIGS)
def test_streaming_continues_a_whole_run(size):
    torch.manual_seed(1)
    network = TCN(CONFIGS[size]).double()
    context = network.receptive_field - 1
    dry = torch.randn(2, 1, context + 700, dtype=torch.double)
    states = [torch.zeros(2, *shape, dtype=torch.double) for shape in network.state_shapes().values()]
    streamed = []
    for block in dry.split([context, 1, 17, 64, 512, 106], dim=-1):
        wet, *states = network.stream(block, *states)
        streamed.append(wet)
    torch.testing.assert_close(torch.cat(streamed[1:], dim=-1), network(dry), rtol=0, atol=1e-12)


def test_config_survives_json():
    for config in CONFIGS.values():
        assert TCNConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    "change",
    [
        {"channels": 0},
        {"channels": 10**9},
        {"dilations": []},
        {"dilations": [10**9]},
        {"kernel_sizes": [-1]},
        {"kernel_sizes": [3, 3]},
        {"activation": "nonsense"},
        {"head_kernel": 10**6},
        {"slope": float("nan")},
        {"head": 3},
        {"channels": "many"},
        {"head_bias": None, "dilations": None},
    ],
)
def test_absurd_configs_are_refused(change):
    config = SIZES["nano"].to_json()
    config["arrays"][0] = config["arrays"][0] | change
    with pytest.raises(InputError):
        TCNConfig.from_json(config)


def test_unknown_size_names_the_nearest():
    with pytest.raises(UsageError) as caught:
        architecture("tcn").config("standart")
    assert "standard" in caught.value.hint


def test_models_before_0_2_have_one_kernel_size():
    old = SIZES["nano"].to_json()
    for array in old["arrays"]:
        array["kernel_size"] = array.pop("kernel_sizes")[0]
        for name in ("head_kernel", "activation", "slope", "gated"):
            del array[name]
    assert TCNConfig.from_json(old) == SIZES["nano"]
