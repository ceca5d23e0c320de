"""`fxlab export` to other programs' formats: what comes out plays like the checkpoint."""

import json

import numpy as np
import pytest
import torch

from fxlab.audio.testsignals import synthesize
from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor
from fxlab.errors import InputError, UsageError
from fxlab.formats.card import foreign_card
from fxlab.models import checkpoint
from fxlab.models.registry import architecture, build
from fxlab.models.stack_config import LayerConfig, StackConfig
from fxlab.services import export

RATE = 8_000
CONV = StackConfig((LayerConfig("conv1d", 1, 4, "tanh", 5, 7), LayerConfig("dense", 4, 1)), skip=True)
CONFIGS = {
    "lstm": architecture("lstm").config("16"),
    "gru": architecture("gru").config("16"),
    "conv": CONV,
    "tcn": architecture("tcn").config("nano"),
}


def trained(folder, name):
    torch.manual_seed(3)
    network = build(CONFIGS[name]).eval()
    card = foreign_card(network.config, RATE, "training", {"seed": 3}) | {"latency": 12, "licence": "CC0"}
    path = folder / f"{name}.safetensors"
    checkpoint.save(path, network, card)
    return path


@pytest.mark.parametrize("name", ["lstm", "gru", "conv"])
def test_rtneural_files_play_like_their_checkpoint(tmp_path, name):
    source = trained(tmp_path, name)
    result = export.run(export.Request(source, "rtneural"))
    assert result.output == tmp_path / f"{name}.json" and result.parity <= 1e-5
    audio = synthesize(0.5, RATE, seed=5)
    reference = open_processor(str(source), engine="torch").processor
    opened = open_processor(str(result.output))
    assert opened.card == reference.card == result.card and opened.processor.native_rate_hz == RATE
    np.testing.assert_allclose(apply(opened.processor, audio, RATE), apply(reference, audio, RATE), rtol=0, atol=1e-5)
    assert opened.processor.latency == 12
    assert any("in_skip" in note for note in result.notes) == (name == "conv")


def test_rtneural_files_prove_themselves(tmp_path):
    output = export.run(export.Request(trained(tmp_path, "conv"), "rtneural")).output
    data = json.loads(output.read_text())
    data["layers"][0]["weights"][0][3][0][2] += 0.5
    output.write_text(json.dumps(data))
    for engine in ("torch", "onnx"):
        with pytest.raises(InputError, match="golden"):
            open_processor(str(output), engine=engine)


def test_networks_that_rtneural_lacks_are_refused(tmp_path):
    source = trained(tmp_path, "tcn")
    with pytest.raises(UsageError, match="residual"):
        export.run(export.Request(source, "rtneural"))
    assert list(tmp_path.iterdir()) == [source]
