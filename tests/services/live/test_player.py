"""Devices that vanish: noticed, tried again after ever longer waits, and told."""

from __future__ import annotations

import pytest

from fxlab.errors import MissingError
from fxlab.services.live.player import Player


class Rack:
    position, begun, stopped, trip_s = 0, 0, False, 0.0

    def __getitem__(self, name):
        return getattr(self, name)

    def begin_again(self):
        self.begun += 1
        self.trip_s = 0.0

    def stop(self):
        self.stopped = True


class Driver:
    path, input_latency_s, output_latency_s, error = "a test", 0.01, 0.02, None

    def __init__(self):
        self.alive, self.closed, self.restarts, self.gone = True, 0, 0, False

    def start(self):
        self.started = True

    def restart(self):
        self.restarts += 1
        if self.gone:
            raise MissingError("It is gone.")
        self.alive = True

    def close(self):
        self.closed += 1


class Setup:
    sink = object()

    class format:
        sample_rate_hz = 48_000


@pytest.fixture
def stage(monkeypatch):
    class Stage:
        now, opened, missing = 0.0, [], False

        def open(self, player, again=False):
            if self.missing:
                raise MissingError("It isn't there.")
            self.opened.append(Driver())
            return self.opened[-1]

        def after(self, seconds):
            self.now += seconds
            return self.player.tick()

    stage = Stage()
    stage.opened = []
    monkeypatch.setattr(Player, "_open", lambda player, again=False: stage.open(player, again))
    stage.rack = Rack()
    stage.player = Player(stage.rack, Setup(), lambda: stage.now)
    stage.player.start()
    return stage


def test_as_long_as_blocks_come_nothing_happens(stage):
    for _ in range(100):
        stage.rack.position += 128
        assert not stage.after(0.5)
    assert stage.player.state == "" and len(stage.opened) == 1 and not stage.player.events


@pytest.mark.parametrize("dies", [True, False])
def test_a_lost_device_is_tried_after_growing_waits_and_comes_back(stage, dies):
    stage.rack.position = 48_000
    stage.after(1.0)
    stage.opened[0].alive, stage.opened[0].gone, stage.missing = not dies, dies, True
    stage.after(0.1 if dies else 2.0)
    assert stage.player.state.startswith("device lost, next try in 0.5 s") and stage.opened[0].closed == 1
    waits = []
    for _ in range(6):
        waits.append(float(stage.player.state.split()[-2]))
        assert not stage.after(waits[-1] - 0.01)
        assert not stage.after(0.02)
    assert waits == [0.5, 1, 2, 4, 4, 4]
    stage.missing = False
    assert stage.after(4.0)
    assert stage.player.state == "" and stage.rack.begun == 2 and len(stage.opened) == 2
    assert [event.kind for event in stage.player.events] == ["device lost", "device back"]
    assert stage.player.events[0].at_s == 1.0
    stage.rack.position += 128
    assert not stage.after(1.0) and stage.player.state == ""
    stage.player.close()
    assert stage.rack.stopped and stage.opened[1].closed == 1


def test_a_device_that_only_stopped_is_started_again(stage):
    stage.rack.position = 4800
    stage.after(2.0)
    stage.opened[0].alive = False
    assert stage.after(0.1)
    assert stage.opened[0].restarts == 1 and stage.player.state == "" and "started again" in stage.player.message
    assert len(stage.opened) == 1 and not stage.player.events
    stage.opened[0].alive = False
    assert not stage.after(0.1) and stage.player.state.startswith("device lost")


def test_a_backlog_is_got_rid_of(stage):
    stage.rack.position, stage.rack.trip_s = 4800, 0.03 * 2 + 0.09
    assert not stage.after(2.0)
    stage.rack.trip_s += 0.02
    assert stage.after(0.1) and stage.opened[0].restarts == 1 and "0.2 s behind" in stage.player.message


def test_the_first_block_may_take_its_time(stage):
    stage.after(0.1)
    stage.after(2.8)
    assert stage.player.state == ""
    stage.after(0.3)
    assert stage.player.state.startswith("device lost")


def test_a_driver_that_starts_too_late_does_not_play_beside_the_next(stage, monkeypatch):
    stage.after(0.1)
    stage.after(3.1)
    assert stage.player.state.startswith("device lost")
    gate = stage.player._gate

    def start(driver):
        gate[0] = 1  # as `_open` makes it
        raise MissingError("It doesn't answer.")

    monkeypatch.setattr(Driver, "start", start)
    assert not stage.after(0.6)
    assert len(stage.opened) == 2 and gate[0] == 0 and stage.player.state


def test_what_refuses_at_first_is_asked_once_more(stage, monkeypatch):
    monkeypatch.setattr("fxlab.services.live.player._AGAIN_S", 0.0)
    asked = []

    def once(player, again=False):
        asked.append(again)
        if len(asked) == 1:
            raise MissingError("Not yet.")
        return Driver()

    monkeypatch.setattr(Player, "_open", once)
    assert Player(Rack(), Setup()).path == "a test" and len(asked) == 2
    stage.missing = True
    monkeypatch.setattr(Player, "_open", lambda player, again=False: stage.open(player, again))
    with pytest.raises(MissingError):
        Player(Rack(), Setup())
