"""MIDI controllers, on ports that a backend of the tests plugs in and out."""

import importlib
import sys
from pathlib import Path

import pytest

from fxlab.errors import MissingError, UsageError
from fxlab.services.live import midi as live_midi
from fxlab.services.live.midi import Midi, parse_map, ports

mido = pytest.importorskip("mido")
KEYS, PEDAL = "Keys:Keys MIDI 1 20:0", "Foot Pedal:Foot Pedal MIDI 1 24:0"


@pytest.fixture
def system(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    backend = importlib.import_module("live_midi_backend")
    backend.plugged[:], backend.opened[:] = [KEYS, PEDAL], []
    before = mido.backend
    mido.set_backend("live_midi_backend")
    yield backend
    mido.set_backend(before)


@pytest.fixture
def play(system):
    """`play(mapping)(control, value, ...)`: what a controller's messages call, in order."""

    def opened(mapping, port="keys"):
        told = []
        midi = Midi(
            port,
            mapping,
            lambda name, share: told.append((name, share)),
            lambda program: told.append(("profile", program)),
            lambda: told.append("bypass"),
            lambda text: told.append(text),
        )

        def send(*messages, channel=0):
            told.clear()
            for control, value in messages:
                heard = mido.Message("control_change", channel=channel, control=control, value=value)
                system.opened[-1].callback(heard)
            return list(told)

        send.midi, send.told = midi, told
        return send

    return opened


def test_a_map_is_read():
    assert parse_map("74=cutoff_hz") == {74: "cutoff_hz"}
    assert parse_map(" 1 = 2.drive_db, 64=bypass,", ["2.drive_db"]) == {1: "2.drive_db", 64: "bypass"}


@pytest.mark.parametrize("text", ["", "74", "74=", "=bias", "x=bias", "120=bias", "-1=bias", "1=a,1=b", "1.5=bias", "²=bias"])
def test_a_map_that_can_not_be_read_is_refused(text):
    with pytest.raises(UsageError) as raised:
        parse_map(text)
    assert raised.value.hint


def test_a_parameter_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="drve_db") as raised:
        parse_map("1=drve_db", ["drive_db", "bias"])
    assert "drive_db" in raised.value.hint


def test_ports_are_listed(system):
    assert ports() == [KEYS, PEDAL]


@pytest.mark.parametrize(("port", "name"), [(1, PEDAL), ("0", KEYS), ("pedal", PEDAL), (KEYS, KEYS)])
def test_a_port_is_meant_by_number_or_part_of_its_name(system, port, name):
    with Midi(port, {}, print) as midi:
        assert midi.name == name == system.opened[0].name and midi.connected
    assert system.opened[0].closed and not midi.connected


@pytest.mark.parametrize("port", [2, -1, "organ", "MIDI"])
def test_a_port_that_is_not_clear_is_refused_with_what_there_is(system, port):
    with pytest.raises(UsageError) as raised:
        Midi(port, {}, print)
    assert KEYS in raised.value.hint and PEDAL in raised.value.hint


def test_control_changes_move_parameters(play):
    send = play({74: "cutoff_hz", 1: "bias"})
    assert send((74, 0), (74, 127), (1, 127), (75, 3)) == [("cutoff_hz", 0), ("cutoff_hz", 1), ("bias", 1)]
    assert send((74, 64))[0][1] == pytest.approx(64 / 127)


def test_fourteen_bits_where_both_parts_arrive(play):
    send = play({7: "makeup_db"})
    assert send((39, 5)) == [], "a finer part alone says nothing"
    shares = [share for _, share in send((7, 127), (39, 127), (7, 64), (39, 1))]
    assert shares == pytest.approx([1, 1, 64 * 128 / 16_383, (64 * 128 + 1) / 16_383])
    assert [share for _, share in send((7, 127), channel=3)] == [1], "each channel is a controller of its own"


def test_a_controller_that_is_mapped_itself_is_no_finer_part(play):
    assert play({7: "makeup_db", 39: "bias"})((7, 127), (39, 127)) == [("makeup_db", 1), ("bias", 1)]


def test_a_pedal_bypasses_when_it_goes_down(play):
    assert play({})((64, 127), (64, 127), (64, 0), (64, 63), (64, 64)) == ["bypass", "bypass"]
    send = play({80: "bypass", 64: "drive_db"})
    assert send((80, 127), (80, 0), (64, 127)) == ["bypass", ("drive_db", 1)]


def test_program_changes_switch_profiles_and_all_else_is_ignored(play, system):
    send = play({})
    for message in (mido.Message("program_change", program=5), mido.Message("note_on", note=60), mido.Message("clock")):
        system.opened[-1].callback(message)
    assert send.told == [("profile", 5)]


def test_a_port_that_is_pulled_out_is_survived(play, system):
    send = play({74: "cutoff_hz"})
    send.midi.check()
    assert send.told == []
    system.plugged.remove(KEYS)
    send.midi.check()
    send.midi.check()
    assert not send.midi.connected and send.told == ["MIDI: Keys:Keys MIDI 1 is gone; waiting for it"]
    system.plugged.append("Keys:Keys MIDI 1 28:0")  # the system numbers anew what is plugged in again
    send.midi.check()
    assert send.midi.connected and send.told[-1] == "MIDI: Keys:Keys MIDI 1 is back"
    assert system.opened[-1].name.endswith("28:0") and send((74, 127)) == [("cutoff_hz", 1)]


def test_a_system_that_fails_takes_the_port_away(play, monkeypatch):
    send = play({})
    monkeypatch.setattr(mido, "get_input_names", lambda: (_ for _ in ()).throw(OSError("no sequencer")))
    send.midi.check()
    assert not send.midi.connected and "gone" in send.told[-1]


def test_without_a_port_it_says_so(system):
    system.plugged.clear()
    with pytest.raises(MissingError, match="no MIDI port"):
        Midi(0, {}, print)


def test_a_port_that_can_not_be_opened_is_named(system, monkeypatch):
    monkeypatch.setattr(system, "Input", lambda name, **options: (_ for _ in ()).throw(OSError("busy")))
    with pytest.raises(MissingError, match="busy"):
        Midi("keys", {}, print)


def test_a_system_without_midi_says_so(system, monkeypatch):
    monkeypatch.setattr(mido, "get_input_names", lambda: (_ for _ in ()).throw(OSError("no sequencer")))
    with pytest.raises(MissingError, match="no sequencer"):
        ports()


def test_without_mido_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    for action in (ports, lambda: live_midi.Midi(0, {}, print)):
        with pytest.raises(MissingError) as raised:
            action()
        assert "fxlab[midi]" in raised.value.hint
