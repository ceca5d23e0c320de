"""Recording a device for a dataset, through an imaginary interface: what is written, and what is refused."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fxlab.errors import CheckError, InputError, MissingError, OutputError, UsageError
from fxlab.services.dataset.capture import Capture, Request, make
from fxlab.settings import DatasetSettings, EffectSettings, LiveSettings

_spec = importlib.util.spec_from_file_location("fxlab_tests_cable", Path(__file__).with_name("cable.py"))
_cable = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_cable)

RATE = _cable.RATE


def request(folder: Path, seconds: float = 6, **changed) -> Request:
    settings = DatasetSettings(synthesize=f"{seconds:g}s")
    return Request(**{"inputs": [], "output": folder / "ds", "settings": settings, "live": LiveSettings(), **changed})


def record(asked: Request, effects=(), **cable):
    setup, player = _cable.cable(effects, **cable)
    capture = Capture(asked, setup)
    return capture, capture.record(open_player=player)


def test_dry_and_wet_are_what_was_played_and_what_came_back(tmp_path):
    _, recording = record(request(tmp_path, level_db=-9.0), delay=900, gain=-0.5)
    dry, rate = soundfile.read(recording.dry, dtype="float32")
    wet, _ = soundfile.read(recording.wet, dtype="float32")
    assert rate == RATE and len(dry) == 6 * RATE
    assert 20 * np.log10(np.abs(dry).max()) == pytest.approx(-9.0, abs=1e-3)
    np.testing.assert_allclose(wet[900 : 900 + len(dry)], -0.5 * dry, atol=1e-7)
    assert not wet[:900].any() and not wet[900 + len(dry) :].any()
    assert sorted(path.name for path in (tmp_path / "ds").iterdir()) == ["dry.wav", "wet.wav"]


def test_the_pair_becomes_a_dataset_that_the_files_give_again(tmp_path):
    from fxlab.services.dataset import recorded as dataset_recorded
    from fxlab.training.manifest import Manifest

    capture, recording = record(request(tmp_path, 8), ["saturator"], delay=900)
    made = make(capture, recording)
    assert made.reports[0].delay_samples == pytest.approx(900, abs=2) and not made.reports[0].jumps
    assert "no gaps" in made.notes[0]
    rows = Manifest.load(tmp_path / "ds").rows
    assert {row["split"] for row in rows} == {"train", "validation", "test"}
    pair = {"dry": recording.dry, "wet": recording.wet}
    again = dataset_recorded.run(dataset_recorded.Request([pair], tmp_path / "ds"))
    assert again.rendered == 0 and again.kept == made.rendered


def test_recordings_are_played_one_after_the_other(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, rng.normal(0, 0.1, (2 * RATE, 1)), RATE, subtype="FLOAT")
    asked = request(tmp_path, inputs=[tmp_path / "a.wav", tmp_path / "b.wav"], settings=DatasetSettings())
    _, recording = record(asked)
    dry, _ = soundfile.read(recording.dry)
    a, _ = soundfile.read(tmp_path / "a.wav")
    assert len(dry) == 4.5 * RATE and not dry[2 * RATE : 5 * RATE // 2].any()
    assert np.corrcoef(dry[: 2 * RATE], a)[0, 1] == pytest.approx(1)
    (tmp_path / "c.wav").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"c\.wav"):
        Capture(request(tmp_path / "x", inputs=[tmp_path / "c.wav"]), _cable.cable()[0])


@pytest.mark.parametrize(
    ("cable", "error", "words"),
    [
        ({"gain": 0.0}, MissingError, "silent"),
        ({"gain": 0.0, "noise": 0.01}, MissingError, "only noise"),
        ({"gain": 5.0}, CheckError, "clips"),
        ({"gaps": [0, 5, 1300]}, CheckError, "xrun"),
        ({"jumps": 1000}, CheckError, "700 samples late at first and 1400 in the end"),
        ({"lost_after": 1300}, MissingError, "lost after"),
    ],
)
def test_what_is_no_recording_leaves_nothing(tmp_path, cable, error, words):
    if "gaps" in cable:
        # The clock counts, and this device is faster than time: the gap must come after the silence at the beginning.
        cable = {**cable, "slow": True}
    with pytest.raises(error, match=words):
        record(request(tmp_path), **cable)
    assert list(tmp_path.iterdir()) == []


def test_gaps_while_the_stream_begins_do_no_harm(tmp_path):
    assert record(request(tmp_path), gaps=[0, 1, 5])[1].wet.exists()


@pytest.mark.parametrize("block", [0, 40])
def test_a_device_that_stumbles_at_its_start_is_waited_for(tmp_path, block):
    _, recording = record(request(tmp_path), delay=900, gain=-0.5, lost_after=block, returns=True)
    dry, wet = (soundfile.read(path, dtype="float32")[0] for path in (recording.dry, recording.wet))
    np.testing.assert_allclose(wet[900 : 900 + len(dry)], -0.5 * dry, atol=1e-7)
    assert recording.grown is not None and recording.grown[0] == 0


def test_it_is_not_waited_for_without_end_nor_once_it_plays(tmp_path, monkeypatch):
    with pytest.raises(MissingError, match="lost after 0.5 s"):
        record(request(tmp_path), lost_after=100, returns=True)
    monkeypatch.setattr("fxlab.services.live.loop._PATIENCE_S", 0.2)
    with pytest.raises(MissingError, match="lost after 0.0 s"):
        record(request(tmp_path), lost_after=0)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path):
    capture, recording = record(request(tmp_path))
    before = recording.wet.read_bytes()
    with pytest.raises(OutputError, match=r"dry\.wav"):
        Capture(request(tmp_path), _cable.cable()[0])
    with pytest.raises(CheckError):
        record(request(tmp_path, force=True), gain=5.0)
    assert recording.wet.read_bytes() == before
    record(request(tmp_path, force=True), gain=0.7)
    assert recording.wet.read_bytes() != before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "song.txt").write_text("")
    with pytest.raises(OutputError, match=r"song\.txt"):
        Capture(request(tmp_path, output=tmp_path / "other"), _cable.cable()[0])


def test_what_cannot_be_is_refused_before_any_sound(tmp_path):
    setup, _ = _cable.cable()
    with pytest.raises(UsageError, match="level"):
        Capture(request(tmp_path, level_db=3.0), setup)
    with pytest.raises(UsageError, match="too short"):
        Capture(request(tmp_path, 1), setup)
    with pytest.raises(InputError, match="left to train"):
        Capture(request(tmp_path, settings=DatasetSettings(synthesize="3s", lead_s=10.0)), setup)
    assert list(tmp_path.iterdir()) == []


def test_a_jump_that_the_device_kept_to_itself_is_found(tmp_path):
    capture, recording = record(request(tmp_path, 12), delay=900)
    wet, _ = soundfile.read(recording.wet, dtype="float32")
    assert recording.grown is not None and recording.grown[0] == 0
    with pytest.raises(CheckError, match="grew by 5 samples"):
        make(capture, dataclasses.replace(recording, grown=(5, recording.grown[1])))
    middle = 6 * RATE
    soundfile.write(recording.wet, np.concatenate((wet[:middle], np.zeros(37), wet[middle:])), RATE, subtype="FLOAT")
    with pytest.raises(CheckError, match="a pair with a gap"):
        make(capture, recording)
    assert not (tmp_path / "ds" / "manifest.jsonl").exists()


def test_the_chain_that_stands_in_is_told(tmp_path):
    setup, _ = _cable.cable(["saturator"])
    text = Capture(request(tmp_path, effects=[EffectSettings("saturator")]), setup).text
    assert "through saturator" in text and "cable out" in text
