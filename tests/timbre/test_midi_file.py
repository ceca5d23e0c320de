"""MIDI files: times as mido counts them, pedal and bends as the standard has them, damage in words."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.errors import InputError, MissingError
from fxlab.timbre.midi_file import Note, read_midi

mido = pytest.importorskip("mido")


def written(path, *tracks, kind=1, division=480):
    """A file of tracks, each a list of (ticks since the one before, message)."""
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    for track in tracks:
        file.tracks.append(mido.MidiTrack([message.copy(time=ticks) for ticks, message in track]))
    file.save(path)
    return path


def on(note, velocity=100, channel=0):
    return mido.Message("note_on", note=note, velocity=velocity, channel=channel)


def off(note, channel=0):
    return mido.Message("note_off", note=note, channel=channel)


def control(number, value, channel=0):
    return mido.Message("control_change", control=number, value=value, channel=channel)


def wheel(pitch):
    return mido.Message("pitchwheel", pitch=pitch)


def tempo(beats_per_minute):
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_per_minute))


def test_times_follow_the_tempo_map(tmp_path):
    """As mido's own clock has them: two tracks, the tempo changing within a note."""
    path = written(
        tmp_path / "a.mid",
        [(0, tempo(120)), (720, tempo(47)), (480, tempo(200))],
        [(13, on(60)), (1000, off(60)), (0, on(64, 30)), (777, on(64, 0))],
    )
    clock, times = 0.0, []
    for message in mido.MidiFile(path):
        clock += message.time
        if message.type.startswith("note"):
            times.append(clock)
    assert np.allclose([(note.start_s, note.end_s) for note in read_midi(path)], [times[:2], times[2:]])
    assert [(note.midi, note.velocity) for note in read_midi(path)] == [(60, 100), (64, 30)]


@pytest.mark.parametrize(("frames", "rate"), [(24, 24), (25, 25), (29, 30_000 / 1001), (30, 30)])
def test_film_time(tmp_path, frames, rate):
    path = written(tmp_path / "a.mid", [(80, on(60)), (160, off(60))])
    data = bytearray(path.read_bytes())
    data[12:14] = (256 - frames, 80)
    path.write_bytes(data)
    (note,) = read_midi(path)
    assert (note.start_s, note.end_s) == pytest.approx((1 / rate, 3 / rate))


def test_the_pedal_holds(tmp_path):
    second = 960  # ticks, at 120 beats a minute
    path = written(
        tmp_path / "a.mid",
        [
            (0, on(60)),
            (0, on(62)),
            (0, on(60, channel=1)),
            (second, control(64, 127)),
            (0, off(62)),
            (0, off(60, channel=1)),
            (second, on(62, 50)),  # struck again while it is held
            (second, off(62)),
            (second, control(64, 0)),
            (second, off(60)),
        ],
    )
    assert read_midi(path) == [Note(0, 1, 60, 100), Note(0, 5, 60, 100), Note(0, 2, 62, 100), Note(2, 4, 62, 50)]


@pytest.mark.parametrize("message", [control(123, 0), control(120, 0)])
def test_all_notes_off_and_notes_that_nobody_ends(tmp_path, message):
    path = written(tmp_path / "a.mid", [(0, on(60)), (960, message), (0, on(62)), (960, control(1, 1))])
    assert read_midi(path) == [Note(0, 1, 60, 100), Note(1, 2, 62, 100)]


def test_bends_by_the_range_that_the_file_sets(tmp_path):
    path = written(
        tmp_path / "a.mid",
        [
            (0, wheel(4096)),
            (960, on(60)),
            (960, wheel(-8192)),
            (960, control(101, 0)),
            (0, control(100, 0)),
            (0, control(6, 12)),
            (0, control(38, 50)),
            (960, control(98, 5)),
            (0, control(6, 1)),  # of another parameter
            (960, control(121, 0)),
            (960, off(60)),
            (0, on(61)),
            (960, off(61)),
        ],
    )
    bent, plain = read_midi(path)
    assert bent.bend == ((1.0, 1.0), (2.0, -2.0), (3.0, -12.0), (3.0, -12.5), (5.0, 0.0))
    assert plain.bend == ()


@pytest.mark.parametrize(
    ("tracks", "kind", "names"),
    [
        ([[(0, tempo(120))]], 1, "no notes"),
        ([[(0, on(60)), (0, off(60))]], 1, "no notes"),
        ([[(0, on(38, channel=9)), (96, off(38, channel=9))]], 1, "only drums"),
        ([[(0, on(60)), (96, off(60))]], 2, "type 2"),
        ([[(0, on(60)), (960 * 3601, off(60))]], 0, "longer than an hour"),
    ],
)
def test_files_that_cannot_be_played(tmp_path, tracks, kind, names):
    with pytest.raises(InputError, match=names) as error:
        read_midi(written(tmp_path / "a.mid", *tracks, kind=kind))
    assert error.value.hint and "a.mid" in error.value.message


def test_missing_files_and_files_of_other_kinds(tmp_path):
    (tmp_path / "a.mid").write_bytes(b"RIFF" + bytes(100))
    for path in (tmp_path / "b.mid", tmp_path, tmp_path / "a.mid"):
        with pytest.raises(InputError):
            read_midi(path)


@given(data=st.data())
@settings(max_examples=60)
def test_damage_is_an_input_error_and_nothing_else(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    whole = written(path, [(0, tempo(90)), (10, wheel(99))], [(5, on(60)), (3, control(64, 9)), (9, off(60))]).read_bytes()
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(whole)))])
    try:
        notes = read_midi(path)
    except InputError:
        return
    assert notes and all(note.end_s > note.start_s for note in notes)


def test_without_mido(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(MissingError, match="mido"):
        read_midi(tmp_path / "a.mid")
