"""Networks of other packages: what follows from a configuration's fields and a network's stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from fxlab.effects import contract
from fxlab.effects.params import Param
from fxlab.engines.golden import difference, golden_input
from fxlab.engines.registry import engines_for, network_processor
from fxlab.errors import InputError, UsageError
from fxlab.models.checkpoint import model_of
from fxlab.models.controls import Control
from fxlab.models.frozen import frozen
from fxlab.models.model import describe
from fxlab.models.network import Network
from fxlab.models.network_config import NetworkConfig
from fxlab.models.registry import build

RATE = 48_000


@dataclass(frozen=True)
class GruConfig(NetworkConfig):
    """torch's own GRU, with knobs as further inputs."""

    kind: ClassVar[str] = "torch-gru"
    network: ClassVar[str] = f"{__name__}:Gru"
    recurrent: ClassVar[bool] = True
    controls: int = 0
    units: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.units <= 64:
            raise ValueError("units")

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        return {"hidden": (self.units, 1)}


class Gru(Network):
    def __init__(self, config):
        super().__init__(config)
        self.gru = nn.GRU(1 + config.controls, config.units, batch_first=True)
        self.out = nn.Conv1d(config.units, 1, 1)

    def stream(self, dry, hidden, controls=None):
        x = torch.cat((dry, controls.expand(-1, -1, dry.shape[-1])), dim=1) if self.config.controls else dry
        y, last = self.gru(x.transpose(1, 2), hidden.permute(2, 0, 1).contiguous())
        return self.out(y.transpose(1, 2)), last.permute(1, 2, 0)


@dataclass(frozen=True)
class PlainConfig(NetworkConfig):
    """A convolution that takes no knobs."""

    kind: ClassVar[str] = "plain"
    network: ClassVar[str] = f"{__name__}:Plain"
    taps: int = 8

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        return {"past": (1, self.taps - 1)}


class Plain(Network):
    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv1d(1, 1, config.taps)

    def stream(self, dry, past, controls=None):
        x = torch.cat((past, dry), dim=-1)
        return self.conv(x), x[..., -past.shape[-1] :]


def model(config, knobs=()):
    torch.manual_seed(0)
    about = {"sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    controls = [Control(Param(name, 0.0, -1.0, 1.0, "", "")).to_json() for name in knobs]
    return model_of(build(config), {"model": describe(config), **about, "controls": controls})


def test_what_follows_from_fields():
    config = GruConfig(size="small", units=3)
    assert config.weight_shapes()["gru.weight_ih_l0"] == (9, 1) and config.parameters_count == 9 + 27 + 9 + 9 + 3 + 1
    assert config.macs_per_sample == 9 + 27 + 3 and config.receptive_field == 2 + 8192
    assert GruConfig.from_json(config.to_json()) == config
    assert config.with_controls(2).controls == 2 and config.with_controls(2).weight_shapes()["gru.weight_ih_l0"] == (9, 3)
    assert PlainConfig().receptive_field == 8 and PlainConfig().controls == 0
    with pytest.raises(UsageError, match="takes no knobs"):
        PlainConfig().with_controls(1)


@pytest.mark.parametrize(
    "data",
    [{"units": 0}, {"units": 65}, {"units": "4"}, {"units": 4.0}, {"units": True}, {"unit": 4}, {"size": 3}, {"units": None}],
)
def test_a_file_may_say_anything(data):
    with pytest.raises(InputError, match="configuration of a 'torch-gru' can't be understood"):
        GruConfig.from_json(data)


def test_a_memory_without_end_is_refused():
    with pytest.raises(InputError):
        PlainConfig.from_json({"taps": 1 << 30})
    with pytest.raises(InputError):
        PlainConfig.from_json({"taps": -5})


@pytest.mark.parametrize("config", [GruConfig(controls=1), PlainConfig()], ids=["recurrent", "finite"])
def test_forward_is_the_stream_behind_its_context(config):
    network, context = build(config), config.receptive_field - 1
    dry, knobs = torch.randn(2, 1, context + 50), torch.rand(2, 1, context + 50)
    wet = network(dry, knobs)
    whole = network.stream(dry, *network.rest(2), controls=knobs)[0]
    assert wet.shape == (2, 1, 50) and torch.allclose(wet, whole[..., context:], atol=1e-6)
    wet.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())


@pytest.mark.parametrize(("config", "knobs"), [(GruConfig(controls=2), ("a", "b")), (PlainConfig(), ())], ids=["knobs", "plain"])
def test_engines_agree_while_knobs_move(config, knobs):
    made = model(config, knobs)
    assert engines_for(config) == ("onnx", "torch", "torchscript")
    for engine in ("onnx", "torchscript"):
        one, other = network_processor(made, "torch"), network_processor(made, engine)
        assert difference(one, other, golden_input(), RATE) < 1e-5
    contract.check_blocks(lambda: network_processor(made, "onnx"), contract.noise(700), [[1], [64]], RATE, 1e-5)
    if knobs:
        with pytest.raises(UsageError, match="can't be frozen"):
            frozen(made, {"a": 0.5})
        one.set(a=1.0)
        wet = [np.zeros((1, 64), np.float32) for _ in range(2)]
        for value, out in zip((-1.0, 1.0), wet, strict=True):
            one.set(a=value)
            one.reset()
            one.process(np.full((1, 64), 0.5, np.float32), out)
        assert np.abs(wet[0] - wet[1]).max() > 1e-3
