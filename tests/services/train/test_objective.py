"""Training towards an objective: speech in noise, and contrast out of audio alone."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, UsageError
from fxlab.metrics.intelligibility import estoi, si_snr_db
from fxlab.models import checkpoint
from fxlab.models.tcn import TCN
from fxlab.services.dataset import service as dataset
from fxlab.services.train import audio as train_audio
from fxlab.services.train import service as train
from fxlab.settings import DatasetSettings, ModelSettings, TrainSettings
from fxlab.training.evaluate import play
from fxlab.training.manifest import Manifest

RATE = 8000
NANO = ModelSettings(size="nano")
SETTINGS = TrainSettings(epochs=1, batch_size=2, segment=4096, steps_per_epoch=1, threads=1, loss="snr")


@pytest.fixture(scope="module")
def takes(tmp_path_factory):
    """Three takes of a second: bands that open and shut."""
    folder = tmp_path_factory.mktemp("objective") / "takes"
    folder.mkdir()
    rng, time_s = np.random.default_rng(0), np.arange(int(1.2 * RATE)) / RATE
    for number in range(3):
        beats = [np.clip(np.sin(2 * np.pi * rng.uniform(2, 6) * time_s + rng.uniform(0, 6)), 0, 1) for _ in range(3)]
        sound = sum(beat * np.sin(2 * np.pi * hz * time_s) for beat, hz in zip(beats, (300, 700, 1500), strict=True))
        soundfile.write(folder / f"{number}.wav", 0.1 * sound, RATE, subtype="PCM_16")
    return folder


@pytest.fixture(scope="module")
def noisy(takes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("objective") / "ds"
    settings = DatasetSettings(snr_db=[0.0, 10.0], validation=0.3, test=0.3, noise="white")
    dataset.run(dataset.Request([takes], folder, (), settings, RATE, 1))
    return folder


@pytest.fixture(scope="module")
def trained(noisy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("objective") / "run"
    return train.run(train.Request(noisy, folder, NANO, SETTINGS)), folder


def test_before_and_after_are_the_measures(noisy, trained):
    result, folder = trained
    network, card, _, _ = checkpoint.load(folder / "best.safetensors")
    pairs = Manifest.load(noisy).pairs("test")
    for side, heard in (("before", [pair.input for _, pair in pairs]), ("after", [play(network, pair)[1] for _, pair in pairs])):
        found = result.metrics["improvement"][side]
        for key, measure in (("si_snr_db", si_snr_db), ("estoi", lambda *of: estoi(*of, RATE))):
            each = [measure(pair.target, one) for (_, pair), one in zip(pairs, heard, strict=True)]
            assert found[key] == pytest.approx(np.mean(each), rel=1e-4)
            for row, one in zip(result.metrics["improvement"]["by_snr"], each, strict=True):
                assert row["takes"] == 1 and row[side][key] == pytest.approx(one, rel=1e-4)
    assert [row["snr_db"] for row in result.metrics["improvement"]["by_snr"]] == [0.0, 10.0]
    assert card["effect"] == [] and card["data"]["snr_db"] == [0.0, 10.0] and card["data"]["noise"] == "white"
    report = json.loads((folder / "report.json").read_text())
    assert report["card"]["metrics"]["improvement"] == result.metrics["improvement"]


def test_the_best_network_is_that_of_the_loss(trained):
    result, folder = trained
    assert result.figure == "validation_snr_loss" and math.isfinite(result.metrics["validation_snr_loss"])
    history = json.loads((folder / "report.json").read_text())["history"]
    assert history[0]["validation_snr_loss"] == result.metrics["validation_snr_loss"]
    assert "validation_esr" not in result.metrics and (folder / "training.png").is_file()


def test_a_late_network_is_held_against_a_late_target(noisy, trained, tmp_path, monkeypatch, no_pictures):
    """As late as it says it is, its input is as good as before."""
    monkeypatch.setattr(TCN, "latency", 40, raising=False)
    late = train.run(train.Request(noisy, tmp_path / "run", NANO, SETTINGS))
    assert late.card["latency"] == 40 and trained[0].card["latency"] == 0
    before = [result.metrics["improvement"]["before"] for result in (late, trained[0])]
    for key, tolerance in {"si_snr_db": 0.3, "estoi": 0.06, "contrast_db": 0.4}.items():
        assert before[0][key] == pytest.approx(before[1][key], abs=tolerance)


def test_audio_alone_becomes_a_dataset_of_the_run(takes, tmp_path, no_pictures):
    run, settings = tmp_path / "run", DatasetSettings(validation=0.3, test=0.3, grid={"drive_db": [0, 1]})
    assert train_audio.given_dataset([takes]) is None
    request = train_audio.dataset_request([takes], run, "contrast", settings, RATE, False)
    assert dataset.run(request).rendered == 3 and dataset.run(request).rendered == 0, "a resumed run finds it"
    assert train_audio.given_dataset([run / "dataset"]) == request.output == run / "dataset"
    for row in Manifest.load(request.output).rows:
        assert np.array_equal(*Manifest.load(request.output).read(row)) and row["effect"] == []
    plain = TrainSettings(epochs=1, batch_size=2, segment=4096, steps_per_epoch=1, threads=1, loss="contrast")
    result = train.run(train.Request(request.output, run, NANO, plain))
    before = result.metrics["improvement"]["before"]
    assert before["loss"] == pytest.approx(0, abs=1e-3) and before["si_snr_db"] is None
    resumed = TrainSettings(epochs=2, batch_size=2, segment=4096, steps_per_epoch=1, threads=1, loss="contrast")
    assert train.run(train.Request(request.output, run, NANO, resumed, resume=True)).epochs == 2


def test_what_audio_alone_does_not_tell(takes, noisy, tmp_path):
    def refused(minimised, **settings):
        with pytest.raises(UsageError) as caught:
            train_audio.dataset_request(
                [takes, next(takes.iterdir())], tmp_path, minimised, DatasetSettings(**settings), RATE, False
            )
        return caught.value.message

    assert "doesn't say what to sound like" in refused("effect") and "with 1 more" in refused("effect")
    assert "can't be made clearer" in refused("estoi")
    assert "no loss 'contrst'" in refused("contrst")
    with pytest.raises(InputError, match="There is no"):
        train_audio.dataset_request([takes, "more.wav"], tmp_path, "effect", DatasetSettings(), RATE, False)
    train_audio.dataset_request([takes], tmp_path, "estoi", DatasetSettings(snr_db=[0]), RATE, False)
    with pytest.raises(UsageError, match="trained on alone"):
        train_audio.given_dataset([takes, noisy])


def test_segments_are_as_long_as_the_loss_needs():
    assert TrainSettings().for_network(False, 16_000).segment == 16_000
    assert TrainSettings(segment=4096).for_network(False, 16_000).segment == 4096
    recurrent = TrainSettings().for_network(True, 16_000)
    assert recurrent.segment == 16_000 and recurrent.windows == 2, "about as many samples in a row as ever"
