"""`fxlab export --precision`: smaller files that every engine plays alike, and what they cost."""

import numpy as np
import pytest
import torch

from fxlab.audio.testsignals import synthesize
from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor, read_model
from fxlab.engines.registry import NETWORK_ENGINES
from fxlab.errors import UsageError
from fxlab.formats.card import foreign_card
from fxlab.metrics.quality import esr
from fxlab.models import checkpoint
from fxlab.models.precision import rounded
from fxlab.models.registry import architecture, build
from fxlab.services import export

RATE = 8_000


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    torch.manual_seed(3)
    network = build(architecture("lstm").config("32")).eval()
    path = tmp_path_factory.mktemp("precision") / "amp.safetensors"
    checkpoint.save(path, network, foreign_card(network.config, RATE, "training", {"seed": 3}) | {"licence": "CC0"})
    return path


@pytest.fixture(scope="module")
def exported(source):
    return {p: export.run(export.Request(source, precision=p, force=True)) for p in ("fp32", "fp16", "int8")}


def test_names_sizes_and_cards(source, exported):
    names = {p: result.output.name for p, result in exported.items()}
    assert names == {"fp32": "amp.onnx", "fp16": "amp-fp16.onnx", "int8": "amp-int8.onnx"}
    sizes = [result.output.stat().st_size for result in exported.values()]
    assert sizes[0] - sizes[1] > 8000 and sizes[1] - sizes[2] > 3000
    assert "precision" not in exported["fp32"].card and exported["fp32"].rounding_esr is None
    for p in ("fp16", "int8"):
        card = read_model(exported[p].output)[0].card
        assert card["precision"] == exported[p].precision == p
        assert card["rounding_esr"] == exported[p].rounding_esr and card["licence"] == "CC0"


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_every_engine_plays_the_rounded_network(source, exported, precision):
    expected = rounded(read_model(source)[0], precision).weights
    held = read_model(exported[precision].output)[0].weights
    assert all(np.array_equal(held[name], expected[name]) for name in expected)
    audio = synthesize(0.5, RATE, seed=5)
    played = [apply(open_processor(str(exported[precision].output), engine=e).processor, audio, RATE) for e in NETWORK_ENGINES]
    for other in played[1:]:
        np.testing.assert_allclose(other, played[0], rtol=0, atol=1e-5)


def test_the_cost_is_the_difference_to_the_source(source, exported):
    audio = synthesize(5.0, RATE, seed=1)
    whole = apply(open_processor(str(source), engine="torch").processor, audio, RATE)
    for precision in ("fp16", "int8"):
        less = apply(open_processor(str(exported[precision].output), engine="torch").processor, audio, RATE)
        assert exported[precision].rounding_esr == pytest.approx(esr(whole, less), rel=1e-3)
    assert exported["fp16"].rounding_esr < exported["int8"].rounding_esr < 1e-3


def test_what_was_rounded_stays_so_and_small(exported, tmp_path):
    small = exported["int8"].output
    for precision in ("fp32", "int8"):
        again = export.run(export.Request(small, output=tmp_path / f"{precision}.onnx", precision=precision))
        assert again.output.stat().st_size == small.stat().st_size and again.rounding_esr == exported["int8"].rounding_esr
        first, second = (read_model(path)[0].weights for path in (small, again.output))
        assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(("format", "precision", "words"), [("onnx", "int4", "no precision"), ("rtneural", "int8", "for ONNX")])
def test_precisions_that_there_are_not(source, tmp_path, format, precision, words):
    with pytest.raises(UsageError, match=words):
        export.run(export.Request(source, format, tmp_path / "out.onnx", precision=precision))
    assert not list(tmp_path.iterdir())
