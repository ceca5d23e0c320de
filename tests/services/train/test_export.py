"""The loop of the lab: dataset, train, export, play; and how train and export answer mistakes."""

import dataclasses
import errno
import json
import os
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from fxlab.audio.testsignals import synthesize
from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor
from fxlab.engines.onnx_engine import load_onnx
from fxlab.errors import InputError, OutputError, UsageError
from fxlab.metrics.quality import esr
from fxlab.models import checkpoint
from fxlab.plugins import Registry
from fxlab.services import export
from fxlab.services.dataset import service as dataset
from fxlab.services.train import service as train
from fxlab.settings import DatasetSettings, EffectSettings, ModelSettings, TrainSettings
from fxlab.training import losses

RATE = 8_000
SETTINGS = TrainSettings(epochs=2, batch_size=4, segment=2048, learning_rate=0.01, steps_per_epoch=12, threads=1)
NANO = ModelSettings(size="nano", licence="CC0")


def request(pairs, output, **changes):
    settings = dataclasses.replace(SETTINGS, **{k: v for k, v in changes.items() if hasattr(SETTINGS, k)})
    others = {k: v for k, v in changes.items() if not hasattr(SETTINGS, k)}
    return train.Request(pairs, output, NANO, settings, **others)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "ds"
    effects = [EffectSettings("saturator", set={"cutoff_hz": 2000.0, "dc_block_hz": 50.0})]
    dataset.run(dataset.Request([], folder, effects, DatasetSettings(synthesize="30s"), sample_rate_hz=RATE, workers=1))
    return folder


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "run"
    return train.run(request(pairs, folder)), folder


def test_a_run_leaves_everything_it_promises(trained):
    result, folder = trained
    assert result.ended == "finished" and result.steps == 24 and result.epochs == 2
    names = {path.name for path in folder.iterdir()}
    assert names == {"best.safetensors", "last.safetensors", "report.json", "curves.csv", "training.png", "quality.png"}
    report = json.loads((folder / "report.json").read_text())
    assert len(report["history"]) == 2 and report["ended"] == "finished"
    assert len((folder / "curves.csv").read_text().splitlines()) == 3
    json.dumps(result.to_json(), default=str, allow_nan=False)


def test_the_card_says_what_the_network_is(trained):
    _, folder = trained
    _, card, _, _ = checkpoint.load(folder / "best.safetensors")
    assert card["sample_rate_hz"] == RATE and card["receptive_field"] == 4093 and card["parameters_count"] == 842
    assert card["effect"][0]["name"] == "saturator" and card["effect"][0]["parameters"]["cutoff_hz"] == 2000
    assert card["licence"] == "CC0" and card["metrics"]["split"] == "test"
    assert card["data"]["sources"]["train"] and card["data"]["seconds"]["test"] > 0
    sources = [set(names) for names in card["data"]["sources"].values()]
    assert not sources[0] & sources[1] and not sources[0] & sources[2]


def test_the_figures_are_those_of_the_saved_network(pairs, trained):
    result, folder = trained
    take = result.metrics["takes"][0]
    from fxlab.training.manifest import Manifest

    manifest = Manifest.load(pairs)
    row = next(r for r in manifest.split("test") if r["source"] == take["source"] and r["level_db"] == take["level_db"])
    dry, target = manifest.read(row)
    played = apply(open_processor(str(folder / "best.safetensors")).processor, dry, RATE)
    assert esr(target, played) == pytest.approx(take["esr"], rel=1e-3)


def test_the_card_says_what_listeners_would_hear(trained):
    metrics = trained[0].card["metrics"]
    assert 0 <= metrics["predicted_mushra"] <= 100 and metrics["mfcc_distance"] > 0
    assert all(row["alias_free_target"] < row["target"] for row in metrics["aliasing_db"])
    assert metrics["esr_alias_free"]["network"] > metrics["esr_alias_free"]["target"] > 0


def test_training_reduces_the_error(pairs, trained, tmp_path, no_pictures):
    """Much better than passing the dry signal or silence; the committed profiles measure how good it gets."""
    result, _ = trained
    assert result.card["metrics"]["validation_esr"] < 0.9
    longer = train.run(request(pairs, tmp_path / "run", epochs=6))
    assert longer.card["metrics"]["validation_esr"] < 0.6 * result.card["metrics"]["validation_esr"]


def test_same_seed_same_network(pairs, trained, tmp_path, no_pictures):
    _, folder = trained
    train.run(request(pairs, tmp_path / "again"))
    first, second = (checkpoint.load(f / "best.safetensors")[0].state_dict() for f in (folder, tmp_path / "again"))
    assert all(bool((first[name] == second[name]).all()) for name in first)


def test_ctrl_c_saves_and_resume_gives_the_undisturbed_run(pairs, trained, tmp_path, no_pictures):
    _, undisturbed = trained
    pressed = []

    def press(task, done, total, **fields):
        if task == "Training" and done == 5 and not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    result = train.run(request(pairs, tmp_path), press)
    assert result.ended == "interrupted" and result.steps == 5
    resumed = train.run(request(pairs, tmp_path, resume=True))
    assert resumed.ended == "finished" and resumed.steps == 24
    for file in ("last.safetensors", "best.safetensors"):
        first, second = (checkpoint.load(folder / file)[0].state_dict() for folder in (undisturbed, tmp_path))
        assert all(bool((first[name] == second[name]).all()) for name in first)


def test_resuming_wants_the_same_run(pairs, trained, tmp_path):
    _, folder = trained
    with pytest.raises(UsageError, match="already holds a run"):
        train.run(request(pairs, folder))
    with pytest.raises(UsageError, match="learning_rate"):
        train.run(request(pairs, folder, resume=True, learning_rate=0.5))
    with pytest.raises(UsageError, match="no run to resume"):
        train.run(request(pairs, tmp_path, resume=True))
    wrong = train.Request(pairs, folder, ModelSettings(size="lite"), SETTINGS, resume=True)
    with pytest.raises(UsageError, match="is a tcn .*, not a tcn lite"):
        train.run(wrong)


def test_a_run_from_before_a_setting_was_there_goes_on(pairs, trained, tmp_path, no_pictures):
    _, folder = trained
    network, card, tensors, record = checkpoint.load(folder / "last.safetensors")
    del record["settings"]["windows"], record["settings"]["loss"]
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    checkpoint.save(tmp_path / "last.safetensors", network, card, tensors, record)
    assert train.run(request(pairs, tmp_path, resume=True)).steps == 24


def test_a_loss_by_name(pairs, tmp_path, monkeypatch, no_pictures):
    """Another package's loss is the one that is minimised, and an unknown one is noticed before anything is trained."""
    seen = []

    def absolute(target, output, settings):
        seen.append(settings.loss)
        return (target - output).abs().mean()

    only = Registry("fxlab.losses", "loss", {"absolute": absolute}, lambda found, name: None)
    monkeypatch.setattr(losses, "losses", lambda: only)
    result = train.run(request(pairs, tmp_path / "run", loss="absolute", epochs=1, steps_per_epoch=2))
    assert set(seen) == {"absolute"} and result.card["training"]["settings"]["loss"] == "absolute"
    assert result.metrics[result.figure] == result.metrics["validation_absolute_loss"] > 0, "it also chooses the best network"
    gained = result.metrics["improvement"]
    assert gained["loss"] == "absolute" and gained["before"].keys() == gained["after"].keys() == {"loss"}
    assert (tmp_path / "run" / "curves.csv").read_text().startswith("epoch,step,loss,validation_absolute_loss,")
    with pytest.raises(UsageError, match="no loss"):
        train.run(request(pairs, tmp_path / "other", loss="absolutely"))
    assert not (tmp_path / "other").exists()


def test_a_changed_dataset_is_noticed(pairs, tmp_path):
    import shutil

    copy = shutil.copytree(pairs, tmp_path / "ds")
    victim = next((copy / "pairs").iterdir())
    victim.write_bytes(victim.read_bytes()[:-4] + b"\x00\x00\x00\x3f")
    with pytest.raises(InputError, match="no longer what it was"):
        train.run(request(copy, tmp_path / "run"))
    with pytest.raises(InputError, match="not a dataset"):
        train.run(request(tmp_path, tmp_path / "run"))


def test_a_best_network_alone_is_not_overwritten(pairs, trained, tmp_path):
    import shutil

    _, folder = trained
    shutil.copy(folder / "best.safetensors", tmp_path)
    with pytest.raises(UsageError, match="already holds a run"):
        train.run(request(pairs, tmp_path))


def test_chunks_too_short_for_the_network_are_left_out(tmp_path, no_pictures):
    """At 8 kHz the context is 0.5 s: chunks of 0.6 s can be scored, their rests of 0.4 s can't."""
    settings = DatasetSettings(synthesize="20s", chunk_s=0.6)
    dataset.run(dataset.Request([], tmp_path / "ds", [EffectSettings("saturator")], settings, sample_rate_hz=RATE, workers=1))
    result = train.run(request(tmp_path / "ds", tmp_path / "run", epochs=1, steps_per_epoch=1, segment=256))
    assert np.isfinite([take["esr"] for take in result.metrics["takes"]]).all()


def test_without_a_validation_split_there_is_no_run(tmp_path):
    settings = DatasetSettings(synthesize="10s", validation=0.0, test=0.3)
    dataset.run(dataset.Request([], tmp_path / "ds", [EffectSettings("saturator")], settings, sample_rate_hz=RATE, workers=1))
    with pytest.raises(InputError, match="validation split"):
        train.run(request(tmp_path / "ds", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("format", ["onnx", "torchscript"])
def test_exports_play_what_was_trained(trained, tmp_path, format):
    _, folder = trained
    result = export.run(export.Request(folder / "best.safetensors", format, tmp_path / f"m{export.SUFFIX[format]}"))
    assert result.parity <= 1e-5 and result.output_bytes == result.output.stat().st_size
    audio = synthesize(1.0, RATE, seed=5)
    expected = apply(open_processor(str(folder / "best.safetensors"), engine="torch").processor, audio, RATE)
    if format == "onnx":
        processor, card = load_onnx(result.output)
        assert card == result.card
        played = apply(processor, audio, RATE)
    else:
        played = play_torchscript(result.output, audio)
    np.testing.assert_allclose(played, expected, rtol=0, atol=1e-5)


def play_torchscript(path, audio):
    """As another program would: zero states, hear silence first, then blocks."""
    import torch

    files = {"card.json": "", "golden.json": ""}
    module = torch.jit.load(str(path), _extra_files=files)
    card = json.loads(files["card.json"])
    config = card["model"]["config"]
    states = [
        torch.zeros(1, array["channels"], (kernel - 1) * dilation)
        for array in config["arrays"]
        for kernel, dilation in zip(array["kernel_sizes"], array["dilations"], strict=True)
    ]
    out = []
    with torch.inference_mode():
        _, *states = module(torch.zeros(1, 1, card["receptive_field"] - 1), *states)
        for block in torch.from_numpy(audio)[None, None].split(1000, dim=-1):
            wet, *states = module(block, *states)
            out.append(wet[0, 0].numpy())
    return np.concatenate(out)


def test_a_full_disk_doesnt_end_the_process_that_exports(trained, tmp_path, monkeypatch):
    """torch's own file writer would: it throws where nobody catches it."""
    _, folder = trained

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for format in ("onnx", "torchscript"):
        with pytest.raises(OutputError, match="No space left"):
            export.run(export.Request(folder / "best.safetensors", format, tmp_path / f"m{export.SUFFIX[format]}"))
    assert not list(tmp_path.iterdir())


def test_a_run_started_over_goes_only_when_the_new_one_begins(pairs, trained, tmp_path):
    _, folder = trained
    again = tmp_path / "run"
    shutil.copytree(folder, again)
    before = (again / "best.safetensors").read_bytes()
    with pytest.raises(InputError, match="as long as one segment"):
        train.run(request(pairs, again, segment=900_000, force=True))
    assert (again / "best.safetensors").read_bytes() == before
    with pytest.raises(InputError, match="not a dataset"):
        train.run(request(tmp_path, again, force=True))
    assert (again / "best.safetensors").read_bytes() == before


def test_a_run_started_over_on_a_full_disk_leaves_the_old_one(pairs, trained, tmp_path, monkeypatch, no_pictures):
    _, folder = trained
    again = tmp_path / "run"
    shutil.copytree(folder, again)

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OutputError, match="No space left"):
        patch.setattr(os, "fsync", full)
        train.run(request(pairs, again, seed=7, force=True))
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}

    def press(task, done, total, **fields):
        if task == "Training" and done == 14:
            signal.raise_signal(signal.SIGINT)

    train.run(request(pairs, again, seed=7, force=True), press)
    for name in ("best.safetensors", "last.safetensors", "report.json", "quality.png"):
        assert (again / name).read_bytes() != (folder / name).read_bytes()


def test_a_place_that_cant_be_written_is_known_before_training(pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(train.Loop, "go", lambda self: pytest.fail("it trained"))
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(OutputError, match="is a file, not a folder"):
            train.run(request(pairs, output))


def test_export_answers_mistakes(trained, tmp_path):
    _, folder = trained
    best = folder / "best.safetensors"
    with pytest.raises(UsageError, match="format"):
        export.run(export.Request(best, "tflite", tmp_path / "x"))
    with pytest.raises(InputError):
        export.run(export.Request(tmp_path / "absent.safetensors"))
    with pytest.raises(UsageError, match="exists"):
        export.run(export.Request(best, "onnx", best, force=True))
    (tmp_path / "there.onnx").write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        export.run(export.Request(best, "onnx", tmp_path / "there.onnx"))
    assert (tmp_path / "there.onnx").read_text() == "mine"
    for format, name in (("onnx", "m.pt"), ("onnx", "m"), ("torchscript", "m.onnx")):
        with pytest.raises(UsageError, match="no name for"):
            export.run(export.Request(best, format, tmp_path / name))
    with pytest.raises(UsageError, match="is a folder"):
        export.run(export.Request(best, "onnx", tmp_path, force=True))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        export.run(export.Request(best, "onnx", tmp_path / "file" / "m.onnx"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "there.onnx"]
