"""`fxlab export` to and from Neural Amp Modeler's files."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fxlab.audio.testsignals import synthesize
from fxlab.console.export import show_export
from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor
from fxlab.errors import InputError, UsageError
from fxlab.formats.card import foreign_card
from fxlab.formats.nam import nam_json, read_nam
from fxlab.models import checkpoint
from fxlab.models.registry import architecture, build
from fxlab.services import export

RATE = 48_000


def trained(folder, kind="tcn", size="nano", **card):
    torch.manual_seed(3)
    network = build(architecture(kind).config(size)).eval()
    path = folder / f"{kind}.safetensors"
    checkpoint.save(path, network, foreign_card(network.config, RATE, "training", {"seed": 3}) | card)
    return path


def played(path):
    return apply(open_processor(str(path)).processor, synthesize(0.5, RATE, seed=5), RATE)


@pytest.mark.parametrize("kind, size", [("tcn", "nano"), ("lstm", "16")])
def test_checkpoints_become_nam_files_and_come_back(tmp_path, kind, size):
    source = trained(tmp_path, kind, size)
    there = export.run(export.Request(source, "nam"))
    assert there.output == tmp_path / f"{kind}.nam" and there.parity <= 1e-5
    assert (
        there.notes[0] == "The file's version is 0.5.4, for any plug-in of Neural Amp Modeler." and "loudness" in there.notes[1]
    )
    back = export.run(export.Request(there.output, "onnx"))
    assert back.output == tmp_path / f"{kind}.onnx" and back.parity <= 1e-5 and not back.notes
    assert {k: v for k, v in back.card.items() if k != "nam"} == there.card
    wanted = played(source)
    for result in (there, back):
        np.testing.assert_allclose(played(result.output), wanted, rtol=0, atol=1e-5)


def test_the_models_that_ship_are_exported_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result = export.run(export.Request(Path("tcn"), "nam"))
    data = json.loads((tmp_path / "tcn.nam").read_text())
    assert len(data["weights"]) == 13_802 and data["config"]["layers"][0]["head_size"] == 8
    np.testing.assert_allclose(played("tcn.nam"), played("tcn"), rtol=0, atol=1e-6)
    show_export(result)
    shown = capsys.readouterr()
    assert "saturator" in shown.out and not shown.err
    card = result.card | {"metrics": {"esr": 0.9, "split": "test", "verdict": "failed"}}
    show_export(dataclasses.replace(result, card=card))
    assert "doesn't sound like" in capsys.readouterr().err
    with pytest.raises(InputError, match="not a file"):
        export.run(export.Request(Path("nothing"), "nam"))


def test_other_peoples_files_keep_their_words(shared_models, tmp_path, capsys):
    source = shared_models / "nam" / "lstm.nam"
    result = export.run(export.Request(source, "nam", tmp_path / "again.nam"))
    said = json.loads(source.read_text())["metadata"]
    assert json.loads(result.output.read_text())["metadata"] == said and len(result.notes) == 1
    onnx = export.run(export.Request(result.output, "onnx")).output
    assert open_processor(str(onnx)).card["nam"]["metadata"] == said
    show_export(result)
    assert "not tested" in capsys.readouterr().out


def test_a_latency_is_kept_for_fxlab_and_mentioned(tmp_path):
    result = export.run(export.Request(trained(tmp_path, latency=12), "nam"))
    assert "12 samples" in result.notes[-1]
    assert open_processor(str(result.output)).processor.card["latency"] == 12


def test_what_the_format_lacks_is_refused(tmp_path):
    source = trained(tmp_path, "gru", "16")
    with pytest.raises(UsageError, match="gru, dense"):
        export.run(export.Request(source, "nam"))
    assert list(tmp_path.iterdir()) == [source]


def test_the_source_is_never_overwritten_nor_believed(tmp_path):
    source = export.run(export.Request(trained(tmp_path), "nam")).output
    with pytest.raises(UsageError, match="exists"):
        export.run(export.Request(source, "nam", force=True))
    data = json.loads(source.read_text())
    data["weights"][10] += 0.5
    source.write_text(json.dumps(data))
    with pytest.raises(InputError, match="golden"):
        export.run(export.Request(source, "onnx"))
    assert not (tmp_path / "tcn.onnx").exists()


def test_a_card_that_isnt_numbers_is_refused(tmp_path):
    model = read_nam(export.run(export.Request(trained(tmp_path), "nam")).output)[0]
    model.card["metrics"] = {"esr": float("nan")}
    with pytest.raises(InputError, match="finite"):
        nam_json(model)
