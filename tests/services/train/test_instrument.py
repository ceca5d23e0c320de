"""The training of instruments: what it leaves, that it goes on to the bit, and what it refuses."""

from __future__ import annotations

import dataclasses
import signal

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, UsageError
from fxlab.models import checkpoint_file
from fxlab.pages.parts import Table
from fxlab.services.train import instrument as train_instrument
from fxlab.services.train import instrument_report as train_instrument_report
from fxlab.services.train.folder import AUTOMATON
from fxlab.services.train.page_instrument import page_of
from fxlab.settings import GrowSettings, TrainSettings
from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.instrument import read_instrument
from fxlab.timbre.table import read_csv

from ...timbre.sounds import RATE_HZ, note, vibrato

SMALL = InstrumentConfig(harmonics=7, bands=4, mfcc=2, hidden=6, layers=1, dense=5, channels=3, cell_hidden=4, size="tiny")
GROW = GrowSettings(segment_s=0.5, iterations=30, scales=[512, 64])
SETTINGS = TrainSettings(epochs=3, steps_per_epoch=3, batch_size=2, accumulate=2, learning_rate=0.02, ema=0.5, warmup_steps=1)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(
        train_instrument, "config_for", lambda size, grow: dataclasses.replace(SMALL, reverb=round(100 * grow.reverb_s))
    )
    for name in ("draw_curves", "_draw"):
        monkeypatch.setattr(train_instrument_report, name, lambda path, *of: path.touch())


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("audio") / "horn.wav"
    notes = [note(vibrato(f0_hz, 1.5), 1.5) for f0_hz in (220.0, 330.0, 262.0)]
    soundfile.write(path, np.concatenate(notes), RATE_HZ)
    return path


def request(recording, folder, **given):
    return train_instrument.Request([recording], folder, settings=SETTINGS, **{"grow": GROW, **given})


def weights(path):
    return checkpoint_file.read(path)[0].weights


def test_an_instrument_is_learnt_judged_and_can_be_learnt_further(recording, tmp_path):
    result = train_instrument.run(request(recording, tmp_path / "run", grow=dataclasses.replace(GROW, reverb_s=0.5)))
    assert (result.ended, result.steps, result.epochs) == ("finished", 9, 3)
    (score,) = result.scores
    assert score.kept and score.seconds == pytest.approx(1.0, abs=0.03) and 0 <= score.pitch <= 1 and score.loss > 0
    model = read_instrument(tmp_path / "run" / "best.safetensors")
    assert model.config.automaton == "grown" and model.card["growth"]["iterations"] == 30
    assert np.abs(model.weights["impulse"]).max() > 0
    assert model.card["features"]["range_midi"] == pytest.approx([57, 64], abs=0.7)
    assert model.card["data"]["recordings"][0]["name"] == "horn.wav"
    for role in ("report", "curves", "training_picture", "sound_picture", "preview_1"):
        assert (tmp_path / "run" / result.files[role]).is_file()
    parts = {part.title: part for part in page_of(result).parts}
    recorded, played = parts["Recorded and played: horn"].versions
    assert (recorded.name, played.name) == ("recorded", "played") and recorded.audio.shape == played.audio.shape
    assert recorded.audio.shape[1] / RATE_HZ == pytest.approx(score.seconds, abs=1e-3)
    assert not np.allclose(recorded.audio, played.audio, atol=1e-3) and np.abs(recorded.audio).max() > 0.01
    assert len(parts["Training"].lines[0].x) == 3 and parts["What was kept back"].rows[0][0] == "horn.wav"
    losses = [row["loss"] for row in checkpoint_file.read(tmp_path / "run" / "last.safetensors")[2]["history"]]
    assert losses[-1] < losses[0]

    start = tmp_path / "run" / "best.safetensors"
    further = train_instrument.run(request(recording, tmp_path / "further", start=start, minutes=0.002))
    assert further.card["features"] == model.card["features"] and further.card["training"]["settings"]["epochs"] >= 1
    table = tmp_path / "pitch.csv"
    table.write_text("".join(f"{time:.2f},220\n" for time in np.arange(0, 4.5, 0.05)))
    with pytest.raises(UsageError, match="heard by swift-f0"):
        train_instrument.run(request(recording, tmp_path / "deaf", start=start, tracker=read_csv(table)))


@pytest.mark.parametrize(("task", "at"), [("Training", 4), ("Growing", 4), ("Judging", 0)])
def test_a_run_that_is_stopped_goes_on_to_the_bit(recording, tmp_path, task, at):
    train_instrument.run(request(recording, tmp_path / "whole"))

    told = []

    def stop(what, done, *args, **fields):
        if what == task and done >= at and not told:
            told.append(what)
            signal.raise_signal(signal.SIGINT)

    stopped = train_instrument.run(request(recording, tmp_path / "parts"), stop)
    assert stopped.ended == "interrupted" and not stopped.scores
    assert [part.title for part in page_of(stopped).parts if not isinstance(part, Table)] == ["Training"]
    assert (tmp_path / "parts" / AUTOMATON).is_file() == (task != "Training")
    resumed = train_instrument.run(request(recording, tmp_path / "parts", resume=True))
    assert resumed.ended == "finished" and resumed.steps == 9
    whole, parts = (weights(tmp_path / name / "best.safetensors") for name in ("whole", "parts"))
    assert whole.keys() == parts.keys() and all(np.array_equal(whole[key], parts[key]) for key in whole)


def test_a_run_that_is_started_over_keeps_nothing(recording, tmp_path):
    for iterations in (5, 6):
        grow = dataclasses.replace(GROW, iterations=iterations)
        result = train_instrument.run(request(recording, tmp_path / "run", grow=grow, force=True))
        assert result.card["growth"]["iterations"] == iterations


def test_a_pupil_learns_from_a_teacher(recording, tmp_path):
    train_instrument.run(request(recording, tmp_path / "teacher", grow=dataclasses.replace(GROW, automaton="none")))
    grow = dataclasses.replace(GROW, automaton="none", teacher=str(tmp_path / "teacher" / "best.safetensors"))
    result = train_instrument.run(request(recording, tmp_path / "pupil", grow=grow))
    assert result.ended == "finished" and read_instrument(tmp_path / "pupil" / "best.safetensors").config.automaton == ""
    other = dataclasses.replace(GROW, teacher=grow.teacher)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_instrument, "config_for", lambda size, grow: dataclasses.replace(SMALL, bands=5))
        with pytest.raises(UsageError, match="can't teach"):
            train_instrument.run(request(recording, tmp_path / "other", grow=other))


def test_what_no_instrument_can_be_learnt_from_is_refused(recording, tmp_path):
    rng = np.random.default_rng(0)
    wrong = {
        "silence": np.zeros(RATE_HZ),
        "blip": note(220.0, 0.2),
        "noise": 0.2 * rng.standard_normal(2 * RATE_HZ),
    }
    for name, audio in wrong.items():
        soundfile.write(tmp_path / f"{name}.wav", audio, RATE_HZ)
        with pytest.raises(InputError) as caught:
            train_instrument.run(request(tmp_path / f"{name}.wav", tmp_path / "run"))
        assert name in caught.value.message and caught.value.hint
        assert not (tmp_path / "run" / "last.safetensors").exists()
    table = tmp_path / "pitch.csv"
    table.write_text("0,220\n1,220\n")
    two = train_instrument.Request([recording, tmp_path / "blip.wav"], tmp_path / "run", tracker=read_csv(table))
    with pytest.raises(UsageError, match="one recording"):
        train_instrument.run(two)


def test_another_automaton_is_taught_to_the_same_network(recording, tmp_path):
    train_instrument.run(request(recording, tmp_path / "run"))
    first = read_instrument(tmp_path / "run" / "best.safetensors")
    (tmp_path / "run" / AUTOMATON).write_bytes(b"damaged")
    for name in ("classic", "none"):
        other = dataclasses.replace(GROW, automaton=name)
        assert train_instrument.run(request(recording, tmp_path / "run", grow=other, resume=True)).steps == 9
        found = read_instrument(tmp_path / "run" / "best.safetensors")
        assert found.config.automaton == name.replace("none", "")
        assert all(np.array_equal(found.weights[key], first.weights[key]) for key in SMALL.network_shapes())
