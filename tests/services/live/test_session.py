"""A stream ends as a whole, whenever and however it ends: no thread, no half a file, no changed interpreter stays behind."""

from __future__ import annotations

import gc
import sys
import threading
import time

import numpy as np
import pytest
import soundfile

from fxlab.errors import MissingError, OutputError
from fxlab.services.live import service as live
from fxlab.services.live import session as live_session
from fxlab.services.live.feed import Recorder
from fxlab.services.live.service import Request, prepare
from fxlab.settings import EffectSettings, LiveSettings


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path):
    before = set(threading.enumerate()), gc.isenabled(), sys.getswitchinterval()
    yield
    ours = {thread for thread in threading.enumerate() if thread.name in ("audio", "feed", "recorder")}
    assert ours <= before[0]
    assert (gc.isenabled(), sys.getswitchinterval()) == before[1:]
    assert not list(tmp_path.glob(".fxlab-*"))


def session(tmp_path, **changed):
    return prepare(Request([EffectSettings("saturator")], virtual=True, output=tmp_path / "wet.wav", **changed))


def play_a_little(session):
    if session.rack["position"] > 4800:
        raise KeyboardInterrupt


def test_an_interruption_ends_everything_and_keeps_the_recording(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        live.run(session(tmp_path), play_a_little)
    assert soundfile.info(tmp_path / "wet.wav").frames >= 4800


@pytest.mark.parametrize("where", ["_player", "_feed", "_recorder"])
def test_a_second_ctrl_c_while_it_ends_still_ends_everything(tmp_path, monkeypatch, where):
    running = session(tmp_path, duration_s=0.2)
    part, times = getattr(running, where), []
    close = part.close

    def interrupted():
        times.append(1)
        if len(times) == 1:
            raise KeyboardInterrupt
        close()

    monkeypatch.setattr(part, "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        live.run(running, lambda session: None)
    assert soundfile.info(tmp_path / "wet.wav").frames > 0


def test_a_full_disk_ends_it_and_leaves_no_file(tmp_path, monkeypatch):
    def full(recorder, writer, block):
        writer.write(block)
        raise OutputError("No space left on device.")

    monkeypatch.setattr(Recorder, "_write", full)
    with pytest.raises(OutputError, match="No space"):
        live.run(session(tmp_path), lambda session: None)
    assert not (tmp_path / "wet.wav").exists()


def test_a_device_that_cannot_be_opened_leaves_no_midi_port_open(tmp_path, monkeypatch):
    closed = []

    class Midi:
        def __init__(self, *arguments, **named):
            pass

        def close(self):
            closed.append(True)

    def refuse(*arguments):
        raise MissingError("It is busy.")

    monkeypatch.setattr(live_session, "Midi", Midi)
    monkeypatch.setattr(live_session, "Player", refuse)
    with pytest.raises(MissingError):
        session(tmp_path, settings=LiveSettings(midi="any", midi_map={"1": "drive_db"}))
    assert closed == [True]


def test_programs_and_the_pedal_need_no_map(tmp_path, monkeypatch):
    mappings = []

    class Midi:
        def __init__(self, port, mapping, **named):
            mappings.append(mapping)

        def close(self):
            pass

    monkeypatch.setattr(live_session, "Midi", Midi)
    session(tmp_path, settings=LiveSettings(midi="any")).abandon()
    assert mappings == [{}]


def test_recent_times_survive_a_reset_from_another_thread(tmp_path):
    running = session(tmp_path)
    wall = running.rack.wall
    wall[500] = 100
    assert running.snapshot().recent.blocks == 100
    running.act("reset")
    assert running.snapshot().recent.blocks == 100  # the audio thread hasn't come to it yet
    wall[:] = 0
    wall[500] = 99
    assert running.snapshot().recent.blocks == 99
    running.abandon()


def test_events_are_told_in_their_order(tmp_path):
    running = session(tmp_path, duration_s=0.1)
    running._player.events.append(live_session.Event(0.0, "device lost"))
    running.rack.process(None, None, 128, flags=1)
    running.rack._events["at_ns"][0] = 5_000_000
    running._player.events.append(live_session.Event(1.0, "device back"))
    report = live.run(running, lambda session: None)
    times = [event.at_s for event in report.events]
    assert len(times) >= 3 and times == sorted(times) and np.isfinite(report.mean_load)


def test_what_an_effect_decided_is_told():
    chain = [EffectSettings("ace", set={"bands": 16, "adapt": True})]
    report = live.run(prepare(Request(chain, virtual=True, duration_s=0.2)), lambda session: None)
    (remark,) = report.remarks
    assert remark.startswith("ace adapted: contrast strengths × ")


def test_an_error_of_the_audio_thread_ends_it(tmp_path, monkeypatch):
    def broken(rack, *arguments):
        raise MemoryError("as ordered")

    running = session(tmp_path, settings=LiveSettings(callback="python"), duration_s=0.2)
    monkeypatch.setattr(type(running.rack), "process", broken)
    ticks = []

    def between(session):
        ticks.append(1)
        assert len(ticks) < 6000
        time.sleep(0.01)

    with pytest.raises(MemoryError, match="as ordered"):
        live.run(running, between)
