"""ACE as a model: what it reads and refuses, its values, and that it plays what the effect plays at them."""

import dataclasses
import functools
import json
import warnings

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from fxlab.effects import contract
from fxlab.effects.ace import LEARNABLE
from fxlab.effects.ace.bank import bank_of
from fxlab.effects.ace.design import groups
from fxlab.effects.ace.kernel import Ace as AceEffect
from fxlab.effects.processor import apply
from fxlab.engines.golden import random_blocks
from fxlab.engines.loader import processor_of
from fxlab.engines.onnx_graph import model_of, streaming_graph
from fxlab.errors import InputError, UsageError
from fxlab.models import checkpoint
from fxlab.models.ace import Ace, at
from fxlab.models.ace_config import PARAMS, SCALARS, SIZES, AceConfig, learnt, settings_of, tail_of
from fxlab.models.model import Model, config_of, describe
from fxlab.models.precision import rounded

RATE = 8000
CONFIG = AceConfig(RATE, 16, latency_ms=4)


def model(config=CONFIG, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(0, spread, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    card = {"format": checkpoint.CARD_FORMAT, "model": describe(config), "sample_rate_hz": config.sample_rate_hz}
    return Model(config, weights, card | {"latency": config.latency, "receptive_field": config.receptive_field})


def bursts(channels, frames, seed=0):
    rng, time = np.random.default_rng(seed), np.arange(frames)
    audio = 0.3 * rng.standard_normal((channels, frames)) * np.exp(-(time % (frames // 3)) / (frames / 20))
    audio += 0.2 * np.sin(0.1 * time) * np.arange(1, channels + 1)[:, None]
    audio[0, [5, frames // 2]] = np.nan, np.inf
    return audio.astype(np.float32)


@pytest.mark.parametrize("config", [*SIZES.values(), CONFIG, AceConfig(96_000, 24, 16, True, "synthdef", "highpassed", True)])
def test_a_configuration_comes_back(config):
    card = {"model": json.loads(json.dumps(describe(config))), "sample_rate_hz": config.sample_rate_hz}
    assert config_of(card) == config
    assert sum(len(array) for array in model(config).weights.values()) == config.parameters_count
    assert config.at_rate(RATE) == dataclasses.replace(config, sample_rate_hz=RATE)


def test_counts_of_the_sizes():
    assert {name: config.parameters_count for name, config in SIZES.items()} == {"60": 31, "32": 31, "full": 83}
    with pytest.raises(UsageError, match="no knobs"):
        CONFIG.with_controls(1)
    with pytest.raises(UsageError, match="31 numbers stay"):
        rounded(model(), "fp16")


@pytest.mark.parametrize(
    "change",
    [
        {"bands": 10**9},
        {"bands": 17},
        {"bands": [16]},
        {"bands": None},
        {"latency_ms": 1e300},
        {"latency_ms": -4},
        {"adapt": 1},
        {"adapt": {}},
        {"time_constants": "rho"},
        {"tce_carrier": 0},
        {"single": "no"},
        {"single": 1},
        {"sample_rate_hz": 0},
        {"sample_rate_hz": 10**12},
        {"sample_rate_hz": 48_000.5},
        {"sample_rate_hz": "8000"},
        {"sample_rate_hz": float("nan")},
        {"sample_rate_hz": True},
        {"sample_rate_hz": 48_000},  # the card says 8 kHz
    ],
)
def test_hostile_configurations_are_refused(change):
    said = describe(CONFIG) | {"config": CONFIG.to_json() | change}
    with pytest.raises(InputError):
        config_of({"model": said, "sample_rate_hz": RATE})


@pytest.mark.parametrize("name", list(CONFIG.to_json())[:-1])
def test_a_configuration_that_lacks_something_is_refused(name):
    said = {key: value for key, value in CONFIG.to_json().items() if key != name}
    with pytest.raises(InputError):
        AceConfig.from_json(said)


def test_what_is_written_otherwise_becomes_what_it_means():
    assert AceConfig.from_json(CONFIG.to_json() | {"bands": "16", "adapt": "false"}) == CONFIG


@pytest.mark.parametrize("spread", [0.5, 30.0, 1e30])
@pytest.mark.parametrize("single", [False, True])
def test_values_are_within_their_ranges_at_any_weights(spread, single):
    given = model(dataclasses.replace(CONFIG, single=single), 1, spread)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = learnt(given.config, given.weights)
    assert len(found) == given.config.parameters_count
    scalars, relative = found[: len(SCALARS)], [value for _, value in found[len(SCALARS) :]]
    assert all(one.low <= value <= one.high for one, value in scalars)
    per_band = (
        np.array(relative) if single else groups(bank_of(CONFIG.sample_rate_hz, CONFIG.bands, CONFIG.latency_ms)) @ relative
    )
    assert abs(per_band.mean()) < 1e-9
    network = checkpoint.network_of(given)
    values = network.values()
    gains = values["gains_db"].tolist() if single else [values[name].item() for name in LEARNABLE[len(SCALARS) :]]
    for one, value in scalars:
        assert values[one.name].item() == pytest.approx(value, rel=1e-9, abs=1e-12), one.name
    assert np.ptp(np.subtract(gains, relative)) < 1e-9
    assert network.tail == tail_of(given.config, given.weights) < 1 << 22


def test_values_have_a_gradient():
    for param in PARAMS.values():
        u = torch.zeros((), dtype=torch.float64, requires_grad=True)
        at(param, u).backward()
        assert u.grad > 0


@pytest.mark.parametrize(
    ("config", "channels"),
    [
        (CONFIG, 1),
        (dataclasses.replace(CONFIG, adapt=True, time_constants="synthdef", tce_carrier="highpassed"), 2),
        (dataclasses.replace(CONFIG, single=True), 2),
    ],
)
def test_it_plays_what_the_effect_plays_at_its_values(config, channels):
    given, audio = model(config, 2), bursts(channels, 1300)
    effect = AceEffect(**settings_of(config, given.weights))
    wanted = apply(effect, audio, RATE)
    assert np.abs(wanted).max() > 1e-3
    for engine, error in (("fused", 0.0), ("torch", 1e-5), ("onnx", 1e-5)):
        processor = processor_of(given, engine)
        processor.prepare(RATE, channels, 300)
        assert (processor.latency, processor.tail) == (effect.latency, effect.tail)
        out, done = np.empty_like(audio), 0
        for size in random_blocks(audio.shape[1], 300, 4):
            block = np.ascontiguousarray(audio[:, done : done + size])
            wet = np.empty_like(block)
            processor.process(block, wet)
            out[:, done : done + size] = wet
            done += size
        np.testing.assert_allclose(out, wanted, rtol=0, atol=error, err_msg=engine)


@pytest.mark.parametrize("engine", ["fused", "torch", "onnx"])
def test_its_state_can_be_resumed(engine):
    make = functools.partial(processor_of, model(), engine)
    contract.check_state(make, bursts(2, 500), RATE)
    contract.check_reset(make, bursts(2, 500), RATE)


def test_a_checkpoint_comes_back(tmp_path):
    network = Ace(CONFIG)
    path = tmp_path / "it.safetensors"
    checkpoint.save(path, network, model().card)
    back = checkpoint.model_of(*checkpoint.load(path)[:2])
    assert back.config == CONFIG
    for one, value in learnt(back.config, back.weights):
        # At the defaults, those at an end of their range a fiftieth of it inside.
        assert abs(one.share(value) - min(max(one.share(one.default), 0.02), 0.98)) < 1e-6


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path, wrong):
    given, path = model(), tmp_path / "it.safetensors"
    weights = given.weights | {"gains": np.full(8, wrong, np.float32)}
    network = checkpoint.network_of(given)
    checkpoint.save(path, network, given.card, weights={name: torch.tensor(array) for name, array in weights.items()})
    with pytest.raises(InputError, match="finite"):
        checkpoint.load(path)
    graph = streaming_graph(CONFIG, given.weights)
    next(entry for entry in graph.metadata_props if entry.key == "weights").value = json.dumps(
        {name: array.tolist() for name, array in weights.items()}
    )
    with pytest.raises(InputError, match="finite"):
        model_of(graph.SerializeToString(), given.card, "it")


def test_a_graph_gives_back_its_model():
    given = model(seed=3)
    back = model_of(streaming_graph(CONFIG, given.weights).SerializeToString(), given.card, "it")
    assert back.config == CONFIG and all(np.array_equal(back.weights[name], given.weights[name]) for name in given.weights)
    other = given.card | {"model": describe(dataclasses.replace(CONFIG, single=True))}
    with pytest.raises(InputError, match="don't fit"):
        model_of(streaming_graph(CONFIG, given.weights).SerializeToString(), other, "it")


@pytest.mark.parametrize("said", ["-1", "1e3", "9" * 400, "8388608", ""])
def test_a_hostile_tail_is_refused(said):
    from fxlab.engines.onnx_engine import OnnxProcessor

    audio = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["channels", 1, "frames"]) for name in ("dry", "wet")]
    graph = helper.make_graph([helper.make_node("Identity", ["dry"], ["wet"])], "g", audio[:1], audio[1:])
    found = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    found.metadata_props.add(key="tail", value=said)
    with pytest.raises(InputError):
        OnnxProcessor(found.SerializeToString(), model().card)


def test_it_has_no_torchscript_form():
    with pytest.raises(UsageError, match="TorchScript"):
        processor_of(model(), "torchscript")
