"""What README says of adding to fxlab, as it stands there: as other packages, and in the tree."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import fxlab
from fxlab.cli import run
from fxlab.effects import contract
from fxlab.effects.registry import effects
from fxlab.engines.loader import engines_of, open_processor, processor_of, read_model
from fxlab.engines.onnx_graph import model_of, streaming_graph
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import CheckError
from fxlab.models.checkpoint import save
from fxlab.models.checkpoint_file import write
from fxlab.models.model import CARD_FORMAT, describe
from fxlab.models.precision import rounded
from fxlab.models.stack_config import recurrent
from fxlab.services.bench.gate import parse_gate
from fxlab.services.bench.subjects import plan
from fxlab.settings import EffectSettings

RATE = 16_000
MOST_LINES = 40


def noise(frames=4000):
    return np.random.default_rng(0).uniform(-0.5, 0.5, frames).astype(np.float32)


def card_of(config):
    about = {"sample_rate_hz": RATE, "latency": 0, "receptive_field": config.receptive_field}
    return {"format": CARD_FORMAT, "model": describe(config), **about}


def contract_tests():
    """The module that tests the contract of fxlab's own effects, imported where there are more effects."""
    path = Path(__file__).parents[1] / "effects" / "test_contract.py"
    spec = importlib.util.spec_from_file_location("contract_of_all_effects", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_takes_less_than_forty_lines(examples):
    assert {group: example.lines for group, example in examples.items() if example.lines >= MOST_LINES} == {}
    assert sorted(examples) == ["fxlab.effects", "fxlab.engines", "fxlab.losses", "fxlab.models"]


def check_effect():
    """All that is asked of fxlab's own effects."""
    tests = contract_tests()
    assert ("tremolo", "numpy") in tests.CASES
    for index in range(2):
        for test in (
            tests.test_any_split_into_blocks_gives_the_same_output,
            tests.test_state_is_a_value,
            tests.test_reset_is_as_prepared,
            tests.test_what_is_not_a_number_counts_as_silence,
            tests.test_channels_are_independent_or_get_the_same_gain,
            tests.test_silence_after_the_tail,
        ):
            test("tremolo", "numpy", index)
        tests.test_in_place("tremolo", index)
        tests.test_every_rate("tremolo", 44_100, index)
    tests.test_declared_latency_is_the_measured_one("tremolo")
    tests.test_declared_parameters_are_those_of_the_processors_and_the_module("tremolo")
    tests.test_wrong_parameters_are_named("tremolo")
    fxlab.check_processor(lambda: fxlab.effect("tremolo").processor(depth=1))


def test_an_effect_of_another_package(installed, tmp_path, capsys):
    check_effect()
    fxlab.write(tmp_path / "in.wav", np.full(RATE, 0.5), RATE, "float")
    assert (
        run(["render", str(tmp_path / "in.wav"), "-o", str(tmp_path / "out.wav"), "--effect", "tremolo", "--set", "rate_hz=2"])
        == 0
    )
    wet, rate = fxlab.read(tmp_path / "out.wav")
    gain = 1 - 0.7 * (0.5 - 0.5 * np.cos(2 * np.pi * 2 * np.arange(RATE) / RATE))
    assert rate == RATE and np.abs(wet[0] - 0.5 * gain).max() < 1e-6
    capsys.readouterr()
    assert run(["effects", "show", "tremolo", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["parameters"]] == ["rate_hz", "depth"]
    assert run(["effects", "list"]) == 0
    assert "tremolo" in capsys.readouterr().out
    assert run(["render", str(tmp_path / "in.wav"), "--effect", "tremolo", "--set", "depth=2"]) == 2


def test_an_effect_in_the_tree(examples, registries, tmp_path, monkeypatch):
    example = examples["fxlab.effects"]
    (tmp_path / example.name).mkdir()
    (tmp_path / example.name / "__init__.py").write_text(example.code)
    monkeypatch.setattr("fxlab.effects.__path__", [*sys.modules["fxlab.effects"].__path__, str(tmp_path)])
    monkeypatch.setattr("fxlab.effects.registry.BUILT_IN", ("saturator", example.name))
    assert [*effects()] == ["saturator", "tremolo"]
    check_effect()
    assert type(fxlab.effect("tremolo").processor()).__module__ == "fxlab.effects.tremolo"


def train(folder, *options):
    """A few steps on a second or two of test signals, and the checkpoint."""
    fxlab.dataset((), folder / "ds", "clipper", synthesize="6s", sample_rate_hz=RATE)
    words = ["--epochs", "2", "--steps-per-epoch", "3", "--segment", "256", "--threads", "1"]
    assert run(["train", str(folder / "ds"), "-o", str(folder / "run"), *options, *words]) == 0
    return folder / "run" / "best.safetensors"


def test_an_architecture_and_a_loss_of_other_packages(installed, tmp_path):
    best = train(tmp_path, "--model", "wiener", "--size", "short", "--loss", "a_weighted")
    card = fxlab.open_processor(str(best)).card
    assert (card["model"]["type"], card["model"]["size"], card["parameters_count"]) == ("wiener", "short", 8 * 17 + 8 * 16 + 1)
    assert card["receptive_field"] == 31 and 0 < card["metrics"]["validation_a_weighted_loss"] < 2
    exported = tmp_path / "wiener.onnx"
    assert run(["export", str(best), "-o", str(exported)]) == 0
    assert (engines := engines_of(str(exported))) == ("onnx", "torch", "torchscript")
    played = [fxlab.apply(open_processor(str(exported), engine=one).processor, noise(), RATE) for one in engines]
    assert max(np.abs(wet - played[0]).max() for wet in played[1:]) < 1e-5
    model = read_model(best)[0]
    fxlab.check_processor(lambda: processor_of(model, "torch"), RATE, 1e-5)
    small = rounded(model, "int8")
    graph = streaming_graph(small.config, small.weights, "int8").SerializeToString()
    assert len(graph) < exported.stat().st_size
    held = model_of(graph, small.card, "").weights
    assert all(np.array_equal(array, held[name]) for name, array in small.weights.items())
    assert run(["export", str(best), "-o", str(tmp_path / "a.nam"), "--format", "nam"]) == 2


def test_an_architecture_and_a_loss_in_the_tree(examples, registries, tmp_path, monkeypatch):
    from fxlab.models import registry
    from fxlab.training import losses

    for group, room in (("fxlab.models", "models"), ("fxlab.losses", "training")):
        (tmp_path / room).mkdir()
        (tmp_path / room / f"{examples[group].name}.py").write_text(examples[group].code)
        name = f"fxlab.{room}"
        monkeypatch.setattr(f"{name}.__path__", [*sys.modules[name].__path__, str(tmp_path / room)])
    wiener, loss = (importlib.import_module(name) for name in ("fxlab.models.wiener", "fxlab.training.a_weighted"))
    monkeypatch.setattr(registry, "BUILT_IN", (*registry.BUILT_IN, wiener.WIENER))
    monkeypatch.setitem(losses.losses()._loaded, "a_weighted", loss.a_weighted)
    network = fxlab.build(fxlab.architecture("wiener").config())
    card = {
        "format": CARD_FORMAT,
        "model": describe(network.config),
        "sample_rate_hz": RATE,
        "latency": 0,
        "receptive_field": 127,
    }
    save(tmp_path / "wiener.safetensors", network, card)
    wet = fxlab.apply(open_processor(str(tmp_path / "wiener.safetensors")).processor, noise(), RATE)
    target, output = (torch.from_numpy(signal)[None, 127:] for signal in (noise(), wet))
    a_weighted = losses.at_rate(losses.loss("a_weighted"), RATE)
    assert a_weighted(target, target, None) == 0 < a_weighted(target, output, None)


@pytest.fixture
def gru(tmp_path):
    """File of a small GRU network that forgets soon."""
    config = dataclasses.replace(recurrent("gru", 4), warm_up=100)
    rng = np.random.default_rng(0)
    weights = {name: rng.uniform(-0.5, 0.5, shape).astype(np.float32) for name, shape in config.weight_shapes().items()}
    write(tmp_path / "gru.safetensors", weights, card_of(config))
    return str(tmp_path / "gru.safetensors")


def test_an_engine_of_another_package(installed, gru, capsys):
    wet = [fxlab.apply(open_processor(gru, engine=one).processor, noise(), RATE) for one in ("loop", "torch")]
    assert np.abs(wet[0] - wet[1]).max() < 1e-5 and np.abs(wet[0]).max() > 0.01
    assert engines_of(gru) == engines_of("gru") == (*NETWORK_ENGINES, "loop")
    assert "loop" not in engines_of("lstm") and "loop" not in engines_of("tcn")
    contract.check_blocks(lambda: open_processor(gru, engine="loop").processor, contract.noise(500), [[1], [61]], RATE, 1e-5)
    planned, skipped = plan([EffectSettings(gru), EffectSettings("tcn")], ["loop"])
    assert [engine for *_, engine in planned] == ["loop"] and skipped == ["tcn doesn't run on loop"]
    assert parse_gate("loop:p99<1ms").where == {"engine": "loop"}
    assert run(["render", "nothing.wav", "--effect", "gru", "--engine", "looop"]) == 2
    assert "'loop'" in capsys.readouterr().err


def test_an_engine_in_the_tree(examples, registries, gru, tmp_path, monkeypatch):
    from fxlab.engines import registry

    example = examples["fxlab.engines"]
    (tmp_path / "loop.py").write_text(example.code)
    monkeypatch.setattr("fxlab.engines.__path__", [*sys.modules["fxlab.engines"].__path__, str(tmp_path)])
    engine = importlib.import_module("fxlab.engines.loop").ENGINE
    monkeypatch.setattr(registry, "BUILT_IN", (*registry.BUILT_IN, engine))
    assert engines_of(gru)[-1] == "loop" and open_processor(gru, engine="loop").engine == "loop"


@pytest.mark.parametrize("golden", [False, True])
def test_an_engine_that_plays_something_else_is_refused(installed, examples, install, gru, tmp_path, golden):
    wrong = examples["fxlab.engines"].code.replace("h += (1 - z)", "h += 0.99 * (1 - z)").replace('"loop"', '"wrong"')
    install("wrong", {"fxlab_wrong": wrong}, [("fxlab.engines", "wrong", "fxlab_wrong:ENGINE")])
    if golden:
        gru = str(fxlab.export(gru, tmp_path / "gru.onnx").output)
    assert open_processor(gru, engine="loop").engine == "loop"
    with pytest.raises(CheckError, match="'wrong' can't be trusted"):
        open_processor(gru, engine="wrong")
