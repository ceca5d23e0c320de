"""Networks with knobs at one setting, as networks without: in every engine and in formats that know no knobs."""

import json

import numpy as np
import pytest

from fxlab.engines.golden import golden_input, play, random_blocks
from fxlab.engines.loader import processor_of
from fxlab.errors import InputError, UsageError
from fxlab.formats.nam import nam_json, read_nam
from fxlab.formats.rtneural import read_rtneural, rtneural_json
from fxlab.models.frozen import frozen
from fxlab.models.model import config_of
from fxlab.models.precision import precision_of, rounded
from fxlab.models.registry import architecture
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

RATE = 48_000
GATED = TCNConfig((ArrayConfig(5, 1, (1, 4, 2), (3, 2, 6), head_bias=True, activation="leaky_relu", gated=True),), film_hidden=5)
CONFIGS = {
    "nano": SIZES["nano"],
    "gated": GATED,
    "lstm": architecture("lstm").config("16"),
    "gru": architecture("gru").config("16"),
    "conv": StackConfig((LayerConfig("conv1d", 1, 6, "tanh", 5, 9), LayerConfig("dense", 6, 1)), skip=True),
    "dense": StackConfig((LayerConfig("dense", 1, 5, "tanh"), LayerConfig("gru", 5, 9), LayerConfig("dense", 9, 1))),
}
SETTING = {"drive_db": 31.5, "cutoff_hz": 700.0}
SIZES_OF_BLOCKS = random_blocks(3000, 400, 0)


def played(processor):
    processor.prepare(RATE, 1, 400)
    audio, done, parts = golden_input(3000, seed=2)[None], 0, []
    for size in SIZES_OF_BLOCKS:
        parts.append(audio[:, done : done + size].copy())
        processor.process(parts[-1], parts[-1])
        done += size
    return np.concatenate(parts, axis=1)[0]


@pytest.fixture(scope="module")
def heard(conditioned):
    """By name: a network with knobs, and what torch plays where they stand at SETTING."""
    found = {}

    def of(name):
        if name not in found:
            model = conditioned(CONFIGS[name])
            processor = processor_of(model, "torch")
            processor.set(**SETTING)
            found[name] = model, played(processor)
        return found[name]

    return of


@pytest.mark.parametrize("engine", ["fused", "onnx", "torch"])
@pytest.mark.parametrize("name", CONFIGS)
def test_plays_what_the_knobs_play(name, engine, heard):
    model, expected = heard(name)
    plain = frozen(model, {key: str(value) for key, value in SETTING.items()})
    assert plain.config.controls == 0 and plain.weights.keys() == plain.config.weight_shapes().keys()
    assert all(plain.weights[key].shape == shape for key, shape in plain.config.weight_shapes().items())
    np.testing.assert_allclose(played(processor_of(plain, engine)), expected, rtol=0, atol=2e-6)
    assert np.abs(played(processor_of(frozen(model, {}), engine)) - expected).max() > 5e-3


def test_the_card_says_at_what(heard):
    model, _ = heard("nano")
    effect = [{"name": "saturator", "parameters": {"drive_db": 12.0, "cutoff_hz": 4000.0, "lowpass": "one_pole"}}]
    small = rounded(type(model)(model.config, model.weights, model.card | {"effect": effect, "parameters_count": 1}), "int8")
    card = frozen(small, SETTING).card
    assert card["frozen"] == SETTING | {"bias": 0.0} and "controls" not in card and precision_of(card) == "fp32"
    assert card["effect"][0]["parameters"] == {"drive_db": 31.5, "cutoff_hz": 700.0, "lowpass": "one_pole"}
    assert config_of(card) == SIZES["nano"] and card["parameters_count"] == SIZES["nano"].parameters_count
    assert model.card["controls"] and effect[0]["parameters"]["drive_db"] == 12.0


def test_refusals(heard):
    model, _ = heard("nano")
    with pytest.raises(UsageError) as caught:
        frozen(model, {"drive": 3})
    assert "drive_db" in caught.value.hint
    with pytest.raises(UsageError, match="out of range"):
        frozen(model, {"drive_db": 300})
    plain = frozen(model, SETTING)
    assert frozen(plain, {}) is plain
    with pytest.raises(UsageError, match="no knobs"):
        frozen(plain, {"drive_db": 3})


@pytest.mark.parametrize("name", ["nano", "lstm"])
def test_a_nam_file_holds_one_setting(name, heard, tmp_path):
    model, expected = heard(name)
    with pytest.raises(UsageError, match="knobs") as caught:
        nam_json(model)
    assert "--set drive_db=12 --set cutoff_hz=4000" in caught.value.hint
    path = tmp_path / "model.nam"
    path.write_text(nam_json(frozen(model, SETTING)))
    back, _ = read_nam(path)
    assert back.card["frozen"]["drive_db"] == 31.5
    np.testing.assert_allclose(played(processor_of(back, "fused")), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "gru", "conv", "dense"])
def test_rtneurals_json_holds_one_setting(name, heard, tmp_path):
    model, expected = heard(name)
    with pytest.raises(UsageError, match="knobs"):
        rtneural_json(model)
    path = tmp_path / "model.json"
    path.write_text(rtneural_json(frozen(model, SETTING)))
    back, _ = read_rtneural(path)
    np.testing.assert_allclose(played(processor_of(back, "fused")), expected, rtol=0, atol=1e-5)


def test_a_nam_file_whose_card_claims_knobs_is_refused(heard, tmp_path):
    model, _ = heard("nano")
    path = tmp_path / "model.nam"
    data = json.loads(nam_json(frozen(model, SETTING)))
    data["fxlab"]["card"] |= {"model": model.card["model"], "controls": model.card["controls"]}
    path.write_text(json.dumps(data))
    with pytest.raises(InputError):
        read_nam(path)


def test_a_frozen_network_proves_itself_like_any(heard):
    plain, dry = frozen(heard("gated")[0], SETTING), golden_input()
    whole = play(processor_of(plain, "torch"), dry, RATE, [len(dry)])
    np.testing.assert_allclose(play(processor_of(plain, "fused"), dry, RATE, random_blocks(len(dry), 99, 0)), whole, atol=2e-6)
