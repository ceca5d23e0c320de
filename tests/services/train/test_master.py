"""`fxlab train --model master` as a service: what a run leaves behind, going on after it was stopped, all phases side by side."""

import dataclasses
import json
import signal

import numpy as np
import pytest

from fxlab.audio.files import Writer
from fxlab.errors import InputError, UsageError
from fxlab.mastering import config
from fxlab.metrics.mastering import COLUMNS
from fxlab.models import checkpoint
from fxlab.pages.page import html
from fxlab.services.train import folder as train_folder
from fxlab.services.train import master as train_master
from fxlab.services.train import phases as train_phases
from fxlab.services.train.page_master import page_of, page_of_phases
from fxlab.settings import DatasetSettings, MasteringSettings, ModelSettings, TrainSettings

RATE = 44_100
SETTINGS = TrainSettings(epochs=2, steps_per_epoch=2, batch_size=2, learning_rate=0.01, seed=1, threads=1)
MASTERING = MasteringSettings(phase="2", draws=2, excerpt_s=1.0, rendered=1)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for seed in range(4):
        rng = np.random.default_rng(seed)
        audio = np.cumsum(rng.standard_normal((2, round(1.2 * RATE))), axis=1)
        audio = (audio - audio.mean(axis=1, keepdims=True)) * (0.5 + 0.5 * np.sin(np.arange(audio.shape[1]) / 3000))
        with Writer(folder / f"song{seed}.wav", RATE, 2, "PCM_16") as writer:
            writer.write((0.9 * audio / np.abs(audio).max()).astype(np.float32))
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    small = dataclasses.replace(
        config.SIZES["compact"],
        stem=(4, 6),
        blocks=(6, 8),
        dilations=(1, 2),
        latent=8,
        hidden=8,
        residual=(4, 6, 8),
    )
    monkeypatch.setitem(config.SIZES, "compact", small)
    monkeypatch.setattr("fxlab.mastering.evaluation.EXCERPT_S", 1.0)


def request(songs, output, **changes):
    changes = {"settings": SETTINGS, "mastering": MASTERING, "dataset": DatasetSettings(validation=0.25, test=0.25)} | changes
    return train_master.Request([songs], output, ModelSettings(type="master"), **changes)


def weights(folder, name=train_folder.LAST):
    return checkpoint.load(folder / name)[0].state_dict()


def test_a_run_leaves_a_network_with_its_card_and_pictures(songs, tmp_path):
    told = []
    result = train_master.run(request(songs, tmp_path / "run"), lambda task, *args, **fields: told.append(task))
    assert result.ended == "finished" and result.steps == 4
    assert {"Degrading songs", "Degrading songs for validation", "Training", "Judging on songs kept back"} <= set(told)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"best.safetensors", "last.safetensors", "report.json", "curves.csv", "training.png", "equalisers.png"}
    card = checkpoint.load(tmp_path / "run" / "best.safetensors")[1]
    assert sorted(song["split"] for song in card["data"]["songs"]) == ["test", "train", "train", "validation"]
    assert len(card["corpus"]) == 2 and len(card["features"]["mean"]) == len(card["features"]["spread"])
    assert set(card["metrics"]["held_out"]["network"]) == set(COLUMNS)
    assert sum(one["parameters"] for one in card["components"]) == card["parameters_count"]
    assert json.loads((tmp_path / "run" / "report.json").read_text())["ended"] == "finished"
    json.dumps(result.to_json())
    page = page_of(result)
    parts = {part.title: part for part in page.parts}
    heard = parts[result.evaluation.songs[0]["name"]]
    assert [version.name for version in heard.versions] == ["degraded", "brought back", "as released"]
    assert not np.array_equal(heard.versions[0].audio, heard.versions[2].audio) and len(html(page)) < 5_000_000
    (equaliser,) = (part for name, part in parts.items() if name.startswith("Equaliser for"))
    assert equaliser.lines[1].y.tolist() == result.evaluation.curves[0]["decided_db"]
    assert {"What it consists of", "Training", "Spectrum"} <= set(parts) and "finished" in dict(page.facts)["ended"]
    assert 0 < result.evaluation.readable <= 1 and set(result.evaluation.milliseconds) >= {"encoder", "residual", "grey box"}


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(songs, tmp_path):
    train_master.run(request(songs, tmp_path / "whole"))

    def stop(task, done, total, **fields):
        if task == "Training" and done == 3:
            signal.raise_signal(signal.SIGINT)

    stopped = train_master.run(request(songs, tmp_path / "parts"), stop)
    assert stopped.ended == "interrupted" and stopped.steps == 3
    assert "stopped before it was judged" in page_of(stopped).summary and "interrupted" in dict(page_of(stopped).facts)["ended"]
    resumed = train_master.run(request(songs, tmp_path / "parts", resume=True))
    assert resumed.ended == "finished" and resumed.steps == 4
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert all(bool((whole[name] == parts[name]).all()) for name in whole)


def test_all_variants_are_trained_on_the_same_examples_and_compared(songs, tmp_path, monkeypatch):
    variants = {name: train_phases.VARIANTS[name] for name in ("1a", "1b-no-skips")}
    monkeypatch.setattr(train_phases, "VARIANTS", variants)
    made = []
    tell = lambda task, done, *args, **fields: made.append(task) if task == "Degrading songs" and not done else None  # noqa: E731
    result = train_phases.run(request(songs, tmp_path), tell)
    assert list(result.runs) == ["1a", "1b-no-skips"] and made == ["Degrading songs"]
    page = page_of_phases(result)
    assert [version.name for version in page.parts[0].versions] == ["degraded", "1a", "1b-no-skips", "as released"]
    assert len(page.parts[2].lines) == 4
    report = json.loads((tmp_path / "report.json").read_text())["variants"]
    assert report["1a"]["parameters"] < report["1b-no-skips"]["parameters"]
    assert not checkpoint.load(tmp_path / "1b-no-skips" / "best.safetensors")[0].config.skips
    with pytest.raises(UsageError, match="already holds"):
        train_phases.run(request(songs, tmp_path))


def test_what_cant_be_trained_on_is_refused(songs, tmp_path):
    with pytest.raises(InputError, match="no song to validate"):
        train_master.run(request(songs / "song0.wav", tmp_path / "a"))
    with Writer(tmp_path / "short.wav", RATE, 2, "PCM_16") as writer:
        writer.write(np.ones((2, 1000), np.float32))
    with pytest.raises(InputError, match="too short"):
        train_master.run(dataclasses.replace(request(songs, tmp_path / "b"), inputs=[songs, tmp_path / "short.wav"]))
    with pytest.raises(UsageError, match="size"):
        train_master.run(dataclasses.replace(request(songs, tmp_path / "c"), model=ModelSettings(type="master", size="huge")))
    assert not list(tmp_path.glob("*/last.safetensors"))


def test_another_run_isnt_resumed(songs, tmp_path):
    train_master.run(request(songs, tmp_path / "run", settings=dataclasses.replace(SETTINGS, epochs=1, steps_per_epoch=1)))
    other = dataclasses.replace(MASTERING, jitter_db=1.0)
    with pytest.raises(UsageError):
        train_master.run(request(songs, tmp_path / "run", mastering=other, resume=True))
