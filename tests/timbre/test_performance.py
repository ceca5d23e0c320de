"""Performances: the card's phrase in any length, others' brought into the instrument's range, growth in stages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fxlab.errors import UsageError
from fxlab.timbre.frames import SILENCE_DB, Features, hertz_of, midi_of
from fxlab.timbre.performance import octaves_into, phrase_of, rest_db, staged, transfer

RATE = 43.07
NOTE = np.concatenate([np.linspace(-50, -22, 6), np.linspace(-22, -30, 24), np.linspace(-35, -70, 10)])


def card_of(notes=(60, 64, 67)):
    """An instrument that plays some notes, each 30 frames with a tail of 10."""
    voiced = np.concatenate([np.ones(30), np.zeros(10)])
    return {
        "features": {"range_midi": [55.0, 79.0], "loudness_range_db": [-50.0, -20.0]},
        "phrase": {
            "midi": [float(note) for note in notes for _ in NOTE],
            "voiced": np.tile(voiced, len(notes)).tolist(),
            "loudness_db": np.tile(NOTE, len(notes)).tolist(),
        },
    }


def performance(midi, loudness, voiced=None):
    midi, loudness = np.broadcast_arrays(np.asarray(midi, float), np.asarray(loudness, float))
    return Features(hertz_of(midi), np.ones(len(midi)) if voiced is None else voiced, loudness, RATE, np.zeros((len(midi), 30)))


@pytest.mark.parametrize("seconds", [None, 0.03, 0.5, 2.786, 10.0])
def test_the_phrase_in_any_length(seconds):
    card = card_of()
    phrase = phrase_of(card, RATE, seconds)
    assert len(phrase) == (120 if seconds is None else round(seconds * RATE))
    rest = rest_db(card)
    assert phrase.loudness_db[-1] == pytest.approx(rest)  # never cut off
    assert phrase.mfcc is None and phrase.loudness_db.dtype == phrase.f0_hz.dtype == np.float32
    place = np.arange(len(phrase)) % 120
    assert np.allclose(midi_of(phrase.f0_hz), np.asarray(card["phrase"]["midi"])[place], atol=1e-3)
    same = phrase.loudness_db == np.asarray(card["phrase"]["loudness_db"], np.float32)[place]
    assert same.sum() >= len(phrase) - 3 * (len(phrase) // 120 + 1)  # but for the fades
    assert (phrase.loudness_db[119::120] == np.float32(rest)).all()


def test_less_than_a_frame_is_refused():
    with pytest.raises(UsageError, match="too short"):
        phrase_of(card_of(), RATE, 0.001)


@given(
    midi=st.floats(20, 110),
    spread=st.floats(0.1, 5),
    loudness=st.floats(-70, -6),
    width=st.floats(16, 80),
)
@settings(max_examples=40)
def test_another_performance_lands_in_the_instruments_range(midi, spread, loudness, width):
    rng = np.random.default_rng(0)
    dry = performance(midi + rng.normal(0, spread, 400), loudness + width * rng.uniform(-0.45, 0, 400))
    wet = transfer(dry, card_of())
    heard = midi_of(wet.f0_hz)
    assert 55 <= np.median(heard) <= 79
    shift = heard - midi_of(dry.f0_hz)
    assert np.allclose(shift, 12 * round(shift[0] / 12), atol=1e-3)  # whole octaves: it stays the melody that it is
    low, high = np.percentile(wet.loudness_db, [5, 95])
    assert high == pytest.approx(-20, abs=0.1)
    slope = np.ptp(np.percentile(dry.loudness_db, [5, 95]))
    assert low == pytest.approx(-50 if slope >= 15 else -20 - 2 * slope, abs=0.1)
    order = np.argsort(dry.loudness_db)
    assert (np.diff(wet.loudness_db[order]) >= -1e-4).all()  # what is louder stays louder
    assert wet.mfcc is None and (wet.voiced == dry.voiced).all()


def test_a_performance_in_range_keeps_its_octave_and_silence_stays_silent():
    loudness = np.concatenate([np.full(50, SILENCE_DB), np.linspace(-45, -15, 200)])
    wet = transfer(performance(np.full(250, 57.0), loudness), card_of())
    assert np.allclose(midi_of(wet.f0_hz), 57, atol=1e-4)
    assert wet.loudness_db[:50].max() < -110


def test_pitch_and_loudness_come_on_top_and_end_at_full_scale():
    dry = performance(np.full(100, 60.0), np.linspace(-50, -20, 100))
    plain = transfer(dry, card_of(), match=False)
    assert np.allclose(plain.f0_hz, dry.f0_hz, rtol=1e-6) and np.allclose(plain.loudness_db, dry.loudness_db, atol=1e-4)
    moved = transfer(dry, card_of(), transpose=-7.5, loudness_db=30.0, match=False)
    assert np.allclose(midi_of(moved.f0_hz), 52.5, atol=1e-3)
    assert np.allclose(moved.loudness_db, np.minimum(dry.loudness_db + 30, 0), atol=1e-4)


def test_silence_and_noise_without_pitch_can_be_transferred():
    silent = transfer(performance(np.full(20, 30.0), SILENCE_DB), card_of())
    assert (silent.loudness_db == SILENCE_DB).all()
    unvoiced = transfer(performance(np.full(20, 30.0), -20.0, np.zeros(20)), card_of())
    assert np.allclose(midi_of(unvoiced.f0_hz), 30, atol=1e-3)


@given(midi=st.floats(-20, 140), low=st.floats(20, 90), width=st.floats(0, 40))
def test_octaves(midi, low, width):
    moved = midi + 12 * octaves_into(midi, low, low + width)
    assert low - 1e-9 <= moved <= low + width + 1e-9 or abs(moved - (low + width / 2)) <= 6 + 1e-9


@pytest.mark.parametrize("stages", [1, 5, 32])
@pytest.mark.parametrize(("stage_s", "rest_s"), [(0.5, 0.2), (0.5, 0.0), (0.15, 0.6), (1.7, 0.3)])
def test_stages(stages, stage_s, rest_s):
    card = card_of()
    wet, ages = staged(card, RATE, stages, stage_s, rest_s)
    assert len(wet) == len(ages) == round(stages * (stage_s + rest_s) * RATE)
    assert np.allclose(np.unique(ages), np.arange(1, stages + 1) / stages)
    assert (np.diff(ages) >= 0).all()
    starts = np.flatnonzero(np.diff(wet.voiced, prepend=0) > 0) if rest_s else np.array([0])
    if rest_s:
        assert len(starts) == stages
        assert (ages[starts] == np.arange(1, stages + 1) / stages).all()
        assert np.allclose(wet.loudness_db[wet.voiced == 0], rest_db(card))
        ends = np.flatnonzero(np.diff(wet.voiced, append=0) < 0)
        assert (ages[ends] == ages[starts]).all()  # a note is of one age
    assert np.allclose(midi_of(wet.f0_hz), 64, atol=1e-3)
    note = wet.loudness_db[starts[0] : starts[0] + round(stage_s * RATE)]
    third = len(note) // 3
    assert np.allclose(note[: min(third, 6)], NOTE[: min(third, 6)], atol=1e-3)  # the phrase's attack
    assert note.max() <= NOTE.max() + 1e-4  # and its level


def test_stages_may_follow_the_melody():
    wet, _ = staged(card_of(), RATE, 6, melody=True)
    starts = np.flatnonzero(np.diff(wet.voiced, prepend=0) > 0)
    assert np.allclose(midi_of(wet.f0_hz[starts]), [60, 64, 67, 60, 64, 67], atol=1e-3)


def test_stages_of_a_phrase_that_never_pauses():
    card = card_of()
    card["phrase"] = {"midi": [50.0] * 20, "voiced": [0.0] * 20, "loudness_db": [-30.0] * 20}
    wet, _ = staged(card, RATE, 3, melody=True)
    assert np.allclose(midi_of(wet.f0_hz), 50, atol=1e-3) and wet.loudness_db.max() == -30


@pytest.mark.parametrize(
    ("stages", "stage_s", "rest_s"),
    [(0, 0.5, 0.2), (1025, 0.5, 0.2), (3, 0.1, 0.2), (3, 0.5, -1), (3, float("nan"), 0), (3, 0.5, float("inf")), (3, 1e9, 0)],
)
def test_stages_that_cannot_be(stages, stage_s, rest_s):
    with pytest.raises(UsageError):
        staged(card_of(), RATE, stages, stage_s, rest_s)
