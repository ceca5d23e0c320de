"""Neural Amp Modeler's own package plays what fxlab writes, and fxlab what it writes."""

import json

import numpy as np
import pytest
import torch

from fxlab.engines.golden import golden_input, play
from fxlab.engines.loader import model_path, processor_of, read_model
from fxlab.formats.card import foreign_card
from fxlab.formats.nam import nam_json, read_nam
from fxlab.models.model import Model
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.models.tcn_config import SIZES, ArrayConfig, TCNConfig

RATE = 48_000
TWENTY = (1, 3, 7, 17, 41)
CONFIGS = {
    "nano": SIZES["nano"],
    "relu": TCNConfig((ArrayConfig(4, 2, (1, 5), (2,), activation="relu"), ArrayConfig(2, 1, (3,), head_bias=True))),
    "a2": TCNConfig((ArrayConfig(3, 1, TWENTY, (6, 6, 15, 6, 2), True, 16, "leaky_relu", 0.02),)),
    "gated": TCNConfig((ArrayConfig(4, 1, (1, 2, 4), (2,), True, 2, "silu", gated=True),)),
    "hard": TCNConfig(
        (ArrayConfig(4, 3, (1, 2), (3, 2), activation="hard_tanh"), ArrayConfig(3, 1, (1,), activation="softsign"))
    ),
    "swish": TCNConfig((ArrayConfig(4, 1, (1, 2), activation="hard_swish", head_kernel=3),)),
    "lstm": StackConfig((LayerConfig("lstm", 1, 6), LayerConfig("lstm", 6, 6), LayerConfig("dense", 6, 1)), warm_up=RATE // 2),
}


def network(config):
    rng = np.random.default_rng(1)
    weights = {name: (0.3 * rng.standard_normal(shape)).astype(np.float32) for name, shape in config.weight_shapes().items()}
    return Model(config, weights, foreign_card(config, RATE, "training", {}))


def theirs(model, audio, silence):
    with torch.inference_mode():
        return model.eval()(torch.from_numpy(np.concatenate([np.zeros(silence, np.float32), audio])))[silence:].numpy()


def ours(model, audio):
    return play(processor_of(model, "onnx"), audio, RATE, [len(audio)])


@pytest.mark.parametrize("name", CONFIGS)
def test_their_networks_play_what_is_written(nam_models, name):
    model, audio = network(CONFIGS[name]), golden_input()
    wanted = theirs(nam_models.init_from_nam(json.loads(nam_json(model))), audio, 0 if name == "lstm" else 4096)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(ours(model, audio), wanted, rtol=0, atol=5e-6 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", ["tcn", "tcn-nano"])
def test_their_networks_play_the_models_that_ship(nam_models, name):
    model, audio = read_model(model_path(name))[0], golden_input()
    wanted = theirs(nam_models.init_from_nam(json.loads(nam_json(model))), audio, 4096)
    np.testing.assert_allclose(ours(model, audio), wanted, rtol=0, atol=5e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_they_write_is_read(nam_models, tmp_path, name):
    """Their newest layout, of whatever layout they have read."""
    model, audio = network(CONFIGS[name]), golden_input()
    network_of_theirs = nam_models.init_from_nam(json.loads(nam_json(model))).eval()
    data = {
        "version": "0.7.0",
        "metadata": {"name": "theirs"},
        "architecture": network_of_theirs._get_export_architecture(),
        "config": network_of_theirs._export_config(),
        "weights": network_of_theirs._export_weights().tolist(),
        "sample_rate": network_of_theirs.sample_rate,
    }
    path = tmp_path / "theirs.nam"
    path.write_text(json.dumps(data))
    back = read_nam(path)[0]
    assert back.config.weight_shapes() == model.config.weight_shapes() and back.card["nam"]["metadata"] == {"name": "theirs"}
    np.testing.assert_allclose(
        ours(back, audio), ours(model, audio), rtol=0, atol=5e-6 * max(1.0, np.abs(ours(model, audio)).max())
    )
