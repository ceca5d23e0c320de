"""Voices: every note is heard for as long and as high as it is written, on as many voices as there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.errors import UsageError
from fxlab.timbre.frames import midi_of
from fxlab.timbre.midi_file import Note
from fxlab.timbre.performance import rest_db
from fxlab.timbre.voices import Articulation, together, voices_of

RATE = 50.0
CARD = {"features": {"range_midi": [55.0, 79.0], "loudness_range_db": [-50.0, -20.0]}}
STEADY = Articulation(decay_db=0.0)

notes_lists = st.lists(
    st.tuples(st.integers(0, 200), st.integers(2, 100), st.integers(40, 90), st.integers(1, 127)), min_size=1, max_size=25
).map(lambda rows: [Note(start / RATE, (start + length) / RATE, midi, velocity) for start, length, midi, velocity in rows])


def at(note, seconds):
    return round((note.start_s + seconds) * RATE)


@given(notes=notes_lists, voices=st.integers(1, 8))
@settings(max_examples=25)
def test_whatever_is_played_stays_in_bounds(notes, voices):
    played = voices_of(notes, CARD, RATE, voices)
    assert 1 <= len(played) <= min(voices, max(1, len(notes)))
    end = max(note.end_s for note in notes)
    for voice in played:
        assert len(voice) == len(played[0]) and voice.seconds >= end
        assert voice.loudness_db.max() <= -20 + 1e-4 and voice.loudness_db.min() >= rest_db(CARD) - 1e-4
        assert voice.loudness_db[-1] == pytest.approx(rest_db(CARD))  # nothing is cut off
        assert set(np.unique(voice.voiced)) <= {0.0, 1.0}
        assert np.array_equal(voice.voiced == 0, voice.loudness_db <= rest_db(CARD))
        midi = midi_of(voice.f0_hz)
        assert midi.min() >= min(n.midi for n in notes) - 1e-3 and midi.max() <= max(n.midi for n in notes) + 1e-3
    silent = np.ones(len(played[0]), bool)
    for note in notes:
        silent[round(note.start_s * RATE) : round((note.end_s + 0.4) * RATE)] = False
    assert all((voice.voiced[silent] == 0).all() for voice in played)


@given(notes=notes_lists)
@settings(max_examples=25)
def test_with_enough_voices_every_note_is_heard_whole(notes):
    played = voices_of(notes, CARD, RATE, voices=32, articulation=STEADY)
    for note in notes:
        held = slice(at(note, 0), round(note.end_s * RATE))
        level = -50 + 30 * note.velocity / 127
        assert any(
            np.allclose(midi_of(voice.f0_hz[held]), note.midi, atol=1e-3) and voice.loudness_db[held].max() <= level + 1e-3
            for voice in played
        )
    assert len(played) <= len(notes)


@given(notes=notes_lists)
@settings(max_examples=25)
def test_one_voice_plays_the_last_note_held(notes):
    (voice,) = voices_of(notes, CARD, RATE, voices=1, articulation=Articulation(glide_s=0.0))
    for frame in range(0, len(voice), 7):
        held = [note for note in notes if note.start_s <= frame / RATE < note.end_s]
        if held:
            last = max(held, key=lambda note: (note.start_s, note.midi))
            assert midi_of(voice.f0_hz[frame]) == pytest.approx(last.midi, abs=1e-3)


def test_notes_that_overlap_glide_and_others_are_struck():
    held, upper = Note(0.2, 2.0, 60, 127), Note(0.8, 1.2, 67, 127)
    (voice,) = voices_of([held, upper], CARD, RATE, voices=1, articulation=Articulation(decay_db=0.0, glide_s=0.1))
    midi = midi_of(voice.f0_hz)
    assert 61 < midi[at(upper, 0.04)] < 66
    assert np.allclose(midi[[at(held, 0.1), at(upper, 0.2), at(upper, 0.6)]], [60, 67, 60], atol=1e-3)
    assert (np.diff(midi[at(upper, 0) : at(upper, 0.1)]) > 0).all()
    assert np.allclose(voice.loudness_db[at(held, 0.1) : at(held, 1.7)], -20, atol=1e-3)  # no attack within
    (voice,) = voices_of([held, Note(2.0, 2.5, 60, 127)], CARD, RATE, voices=1, articulation=STEADY)
    assert voice.loudness_db[round(2.0 * RATE) - 1] < -25  # the same note, struck again, is two
    assert voice.voiced[at(held, 0) : round(2.5 * RATE)].all()


def test_loudness_follows_velocity_and_decays_and_is_released():
    notes = [Note(second, second + 0.7, 60, velocity) for second, velocity in ((0.0, 127), (1.0, 64), (2.0, 1))]
    (voice,) = voices_of(notes, CARD, RATE, voices=1, articulation=Articulation(decay_db=6.0, decay_s=0.1))
    peaks = [voice.loudness_db[at(note, 0) : at(note, 0.7)].max() for note in notes]
    assert np.allclose(peaks, [-20, -35, -50], atol=2.5)
    assert voice.loudness_db[at(notes[0], 0.69)] == pytest.approx(-26, abs=0.1)
    tail = voice.loudness_db[at(notes[0], 0.7) : at(notes[0], 1)]
    assert (np.diff(tail) <= 0).all() and tail[0] > -40 and tail[-1] == pytest.approx(rest_db(CARD))


@pytest.mark.parametrize(("low", "span"), [(-22.0, 12.0), (-40.0, 20.0), (-90.0, 36.0)])
def test_instruments_of_one_level_have_dynamics_too(low, span):
    card = {"features": CARD["features"] | {"loudness_range_db": [low, -20.0]}}
    loud, soft = (voices_of([Note(0, 1, 60, v)], card, RATE, articulation=STEADY)[0].loudness_db.max() for v in (127, 1))
    assert loud == pytest.approx(-20) and loud - soft == pytest.approx(span * 126 / 127, abs=1e-3)


def test_bends_vibrato_and_transposition_move_the_pitch():
    note = Note(0.5, 2.0, 60, 100, ((0.5, 1.0), (1.0, -2.0)))
    (voice,) = voices_of([note], CARD, RATE, voices=1, transpose=3)
    assert np.allclose(midi_of(voice.f0_hz[[30, 60]]), [64, 61], atol=1e-3)
    (voice,) = voices_of([Note(0, 2, 60, 100)], CARD, RATE, articulation=Articulation(vibrato_cents=50))
    assert np.allclose(midi_of(voice.f0_hz[:7]), 60, atol=1e-3)  # it sets in later
    assert np.ptp(midi_of(voice.f0_hz[40:100])) == pytest.approx(1, abs=0.05)


def test_octaves_move_all_voices_alike():
    notes = [Note(0, 4, 36, 100), Note(0, 1, 48, 100), Note(0, 1, 40, 100)]
    played = voices_of(notes, CARD, RATE, match=True)
    assert sorted(round(float(midi_of(voice.f0_hz[10]))) for voice in played) == [60, 64, 72]


def test_too_few_voices_give_up_what_began_first():
    notes = [Note(0.1 * number, 3.0, 60 + number, 100) for number in range(4)]
    played = voices_of(notes, CARD, RATE, voices=2)
    assert len(played) == 2 and together(notes) == 4
    assert sorted(round(float(midi_of(voice.f0_hz[100]))) for voice in played) == [62, 63]


def test_notes_that_touch_do_not_sound_together():
    assert together([Note(0, 1, 60, 1), Note(1, 2, 61, 1), Note(3, 4, 60, 1)]) == 1
    assert together([]) == 0


@pytest.mark.parametrize("voices", [0, 33])
def test_numbers_of_voices_that_cannot_be(voices):
    with pytest.raises(UsageError):
        voices_of([Note(0, 1, 60, 1)], CARD, RATE, voices)
