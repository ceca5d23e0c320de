"""The controls of a stream: what keys and controllers do, and that nothing they do can stop it."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.effects.params import Choice, Param
from fxlab.errors import UsageError
from fxlab.services.live.board import STEP, Board
from fxlab.services.live.side import Format, Side
from fxlab.settings import EffectSettings

FORMAT = Format(48_000, 1, 128, compiled=False)


def board(*names, presets=(), format=FORMAT, **values):
    chain = [EffectSettings(name, "auto", dict(values) if at == 0 else {}) for at, name in enumerate(names)]
    return Board(Side(chain, format), format, presets)


def value(board, name):
    return next(knob for knob in board.knobs() if knob.name == name)


def test_knobs_are_the_parameters_as_they_stand():
    stand = board("saturator", drive_db=24)
    knobs = {knob.name: knob for knob in stand.knobs()}
    assert knobs["drive_db"].text == "24 dB" and knobs["drive_db"].share == pytest.approx(0.5)
    assert knobs["lowpass"].text == "one_pole" and knobs["lowpass"].share == 0
    assert [knob.selected for knob in stand.knobs()].index(True) == 0
    chain = board("eq", "convolver")
    names = [knob.name for knob in chain.knobs()]
    assert "1.peak1_db" in names and "2.ir" in names
    file = value(chain, "2.ir")
    assert not file.movable and file.share is None


def test_arrows_choose_and_move():
    stand = board("saturator")
    before = stand.side.program
    stand.act("more")
    assert value(stand, "drive_db").share == pytest.approx(0.25 + STEP)
    assert stand.refresh() is stand.side.program is not before
    stand.act("previous")
    assert value(stand, "antialias").selected
    stand.act("more")
    assert value(stand, "antialias").text == "adaa1"
    stand.act("more")
    assert value(stand, "antialias").text == "adaa1"
    stand.act("default")
    assert value(stand, "antialias").text == "none"
    before = stand.side.program
    for _ in range(40):
        stand.act("next")
        stand.act("more_fast")
        stand.act("less")
    assert stand.refresh() is stand.side.program is not before


def test_a_knob_at_its_end_changes_nothing():
    stand = board("saturator", drive_db=48)
    stand.act("more")
    assert stand.refresh() is None


def test_a_networks_knob_moves_without_a_new_program():
    stand = board("tcn-knobs")
    before, name = stand.side.program, stand.side.names[0]
    stand.move(name, 0.9)
    assert stand.refresh() is None and stand.side.program is before
    assert before.chain.processors[0].values[name] == pytest.approx(stand.side.settings[0].set[name])
    assert value(stand, name).share == pytest.approx(0.9)


def test_bypass_plays_the_dry_signal_as_late_as_the_effect():
    stand = board("saturator", oversample=4)
    stand.act("bypass")
    dry = stand.refresh()
    assert stand.bypassed and dry.latency == stand.side.program.latency > 0 and not dry.stages
    stand.act("more")
    assert stand.refresh() is None  # what changes meanwhile is heard afterwards
    stand.act("bypass")
    assert stand.refresh() is stand.side.program


def test_a_and_b_are_a_network_and_its_effect():
    stand = board("tcn")
    assert stand.sounds == ("tcn", "saturator") and not stand.on_twin
    stand.act("twin")
    assert stand.on_twin and stand.side.name == "saturator" and stand.sounds == ("tcn", "saturator")
    assert abs(stand.side.gain_db) < 0.1 and stand.message == "saturator, as loud as it is"
    saturator = stand.refresh()
    assert saturator is stand.side.program
    stand.act("twin")
    assert not stand.on_twin and stand.side.name == "tcn" and stand.refresh() is not saturator


def test_a_moved_knob_is_followed_by_a_network_that_can():
    stand = board("tcn")
    stand.act("twin")
    stand.move("drive_db", 0.5)
    assert stand.sounds[0] == "tcn-knobs"
    stand.act("twin")
    assert stand.side.name == "tcn-knobs" and value(stand, "drive_db").text == "24 dB"
    stand.move("drive_db", 0.25)
    stand.act("twin")
    assert stand.side.name == "saturator"
    assert (
        value(stand, "drive_db").text
        == value(board("saturator", drive_db=stand.side.settings[0].set["drive_db"]), "drive_db").text
    )


def test_what_has_no_twin_says_so():
    stand = board("convolver")
    stand.act("twin")
    assert "no twin" in stand.message and stand.refresh() is None and stand.sounds == ("convolver", None)


def test_presets_are_other_chains():
    presets = [("dirty", [EffectSettings("clipper")]), ("wrong", [EffectSettings("clipper", "auto", {"drive_db": 999})])]
    stand = board("saturator", presets=presets)
    stand.act("profile 1")
    assert stand.side.name == "clipper" and "dirty" in stand.message and stand.refresh() is stand.side.program
    stand.act("profile 2")
    assert "999" in stand.message and stand.side.name == "clipper" and stand.refresh() is None
    stand.act("profile 9")
    assert "no preset 9" in stand.message


def test_what_cannot_play_without_the_interpreter_is_refused():
    compiled = Format(48_000, 1, 128, compiled=True)
    with pytest.raises(UsageError, match="without the interpreter"):
        Side([EffectSettings("saturator", "numpy")], compiled)
    stand = board("saturator", presets=[("slow", [EffectSettings("tcn", "onnx")])], format=compiled)
    stand.act("profile 1")
    assert "interpreter" in stand.message and stand.side.name == "saturator"


def test_a_controller_that_means_nothing_here_does_nothing():
    stand = board("saturator")
    stand.move("no_such_thing", 0.5)
    assert "no_such_thing" in stand.message and stand.refresh() is None


@pytest.mark.parametrize(
    "parameter",
    [
        Param("a", 12, 0, 48, "dB", "", "db"),
        Param("b", 100, 20, 20_000, "Hz", "", "log"),
        Param("c", 0, -1, 1, "", ""),
        Choice("d", 2, (1, 2, 4, 8), ""),
        Choice("e", True, (False, True), ""),
    ],
)
def test_places_of_a_knob_are_its_values(parameter):
    assert parameter.at(parameter.share(parameter.default)) == pytest.approx(parameter.default)
    ends = [parameter.at(-3), parameter.at(0), parameter.at(1), parameter.at(7)]
    assert ends[0] == ends[1] and ends[2] == ends[3] and [parameter.share(end) for end in ends] == pytest.approx([0, 0, 1, 1])
    places = [parameter.share(parameter.at(share)) for share in np.linspace(0, 1, 40)]
    assert places == sorted(places) and all(0 <= place <= 1 for place in places)
