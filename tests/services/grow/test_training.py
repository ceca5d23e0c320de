"""The training inside `fxlab grow`: where it happens, how it goes on, and that nothing learnt is ever lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.errors import InputError, UsageError
from fxlab.services.grow import service as grow
from fxlab.services.grow import training as grow_training
from fxlab.services.grow.service import Request, run
from fxlab.services.train import instrument as train_instrument
from fxlab.services.train.folder import BEST, LAST
from fxlab.settings import GrowSettings
from fxlab.timbre.diagnosis import Finding
from fxlab.timbre.instrument import read_instrument


class Trainer:
    """Stands for `train_instrument.run`: knows what it was asked, and learns the shared instrument at once."""

    def __init__(self, instrument: Path) -> None:
        self.asked: list[train_instrument.Request] = []
        self.instrument, self.ended, self.error = instrument, "finished", None

    def __call__(self, request, progress):
        self.asked.append(request)
        if request.resume and self.error:
            raise self.error
        (request.output / LAST).write_text("state")
        shutil.copy(self.instrument, request.output / BEST)
        found = [("tone.wav", Finding("clipped", "It is clipped.", "Record it again.", False))]
        card = read_instrument(self.instrument).card
        files = {"best": str(request.output / BEST)}
        return train_instrument.Result(request.output, self.ended, card, 1, 1, 1.0, found, [], ["It jumps."], files)


@pytest.fixture
def trainer(monkeypatch, instrument_file):
    found = Trainer(instrument_file())
    monkeypatch.setattr(train_instrument, "run", found)
    return found


@pytest.fixture
def tone(tmp_path) -> Path:
    soundfile.write(tmp_path / "tone.wav", 0.1 * np.sin(np.arange(44_100) * 0.05), 44_100)
    return tmp_path / "tone.wav"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_recordings_become_an_instrument_that_is_kept(tmp_path, trainer, tone):
    result = run(Request([tone], minutes=0.5))
    assert names(tmp_path) == ["tone.grown.instrument.safetensors", "tone.grown.wav", "tone.wav"]
    assert result.files["instrument"] == tmp_path / "tone.grown.instrument.safetensors"
    assert read_instrument(result.files["instrument"]).config == read_instrument(trainer.instrument).config
    (asked,) = trainer.asked
    assert (asked.output, asked.minutes, asked.resume) == (tmp_path / "tone.grown.run", 0.5, False)
    assert result.warnings == ["tone.wav: It is clipped. Record it again.", "It jumps."]
    again = Request([tone], minutes=0.5)
    with pytest.raises(UsageError, match="exists already"):
        run(again)


def test_the_automaton_that_is_wanted_is_learnt(tmp_path, trainer, tone, instrument_file):
    trainer.instrument = instrument_file("classic")
    result = run(Request([tone], tmp_path / "out.wav", automaton="classic", steps=24, save=tmp_path / "kept.safetensors"))
    assert (trainer.asked[0].grow.automaton, trainer.asked[0].grow.steps, result.automaton) == ("classic", 24, "classic")
    assert names(tmp_path) == ["kept.safetensors", "out.wav", "tone.wav"]


def test_a_profile_without_an_automaton_is_told_of_before_the_training(tmp_path, trainer, tone):
    with pytest.raises(UsageError, match="no automaton"):
        run(Request([tone], tmp_path / "out.wav", grow=GrowSettings(automaton="none")))
    assert names(tmp_path) == ["tone.wav"] and not trainer.asked


def test_an_interrupted_training_goes_on(tmp_path, trainer, tone):
    trainer.ended = "interrupted"
    request = Request([tone], tmp_path / "out.wav")
    result = run(request)
    assert (result.ended, result.exit_code, result.takes) == ("interrupted", 130, [])
    assert names(tmp_path) == ["out.run", "tone.wav"]
    trainer.ended = "finished"
    result = run(request)
    assert [asked.resume for asked in trainer.asked] == [False, True] and result.exit_code == 0
    assert names(tmp_path) == ["out.instrument.safetensors", "out.wav", "tone.wav"]


def test_another_training_begins_anew(tmp_path, trainer, tone):
    trainer.ended = "interrupted"
    run(Request([tone], tmp_path / "out.wav"))
    trainer.ended, trainer.error = "finished", UsageError("It was made with another dataset.", "")
    result = run(Request([tone], tmp_path / "out.wav"))
    assert [(asked.resume, asked.force) for asked in trainer.asked[1:]] == [(True, False), (False, True)]
    assert "begun anew. It was made with another dataset." in result.remarks[0]


def test_what_goes_wrong_after_the_training_costs_nothing(tmp_path, monkeypatch, trainer, tone):
    request = Request([tone], tmp_path / "out.wav", damage="3:5@99s")
    with pytest.raises(UsageError, match="ends at") as caught:
        run(request)
    assert "goes on" in caught.value.hint and (tmp_path / "out.run" / BEST).is_file()
    monkeypatch.setattr(grow, "contacts_of", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    request = Request([tone], tmp_path / "out.wav", seeds=2, stems=True, wavetable=tmp_path / "table.wav")
    result = run(request)  # stopped with nearly all of it written
    assert (result.exit_code, result.takes, names(tmp_path)) == (130, [], ["out.run", "tone.wav"])
    assert (tmp_path / "out.run" / BEST).is_file()
    monkeypatch.undo()
    trainer.asked.clear()
    monkeypatch.setattr(train_instrument, "run", trainer)
    assert run(request).exit_code == 0 and trainer.asked[0].resume


def test_recordings_that_nothing_can_be_learnt_from_leave_nothing(tmp_path, monkeypatch, tone):
    def refuse(request, progress):
        raise InputError("Nothing is heard in it.", "Record it anew.")

    monkeypatch.setattr(train_instrument, "run", refuse)
    with pytest.raises(InputError):
        run(Request([tone], tmp_path / "out.wav"))
    assert names(tmp_path) == ["tone.wav"]


def test_somebody_elses_folder_is_left_alone(tmp_path, trainer, tone):
    (tmp_path / "out.run").mkdir()
    (tmp_path / "out.run" / "thesis.txt").write_text("all of it")
    with pytest.raises(UsageError, match="something else"):
        run(Request([tone], tmp_path / "out.wav"))
    grow_training.forget(tmp_path / "out.run")
    assert names(tmp_path / "out.run") == ["thesis.txt"] and not trainer.asked


def test_a_folders_own_output_isnt_learnt_the_next_time(tmp_path, trainer, tone):
    folder = tmp_path / "takes"
    folder.mkdir()
    tone.rename(folder / "a.wav")
    shutil.copy(folder / "a.wav", folder / "out.wav")
    run(Request([folder], folder / "out.wav", force=True))
    assert [path.name for path in trainer.asked[0].inputs] == ["a.wav"]
    run(Request([folder]))
    assert (tmp_path / "takes.grown.wav").is_file()
    with pytest.raises(UsageError, match="is an input"):
        run(Request([folder / "a.wav"], folder / "a.wav", force=True))
