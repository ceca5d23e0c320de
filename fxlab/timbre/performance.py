"""Performances for an instrument: its own phrase, somebody else's brought into its range, and the notes of staged growth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from fxlab.errors import UsageError
from fxlab.timbre.frames import SILENCE_DB, Features, hertz_of, midi_of

REST_BELOW_DB = 80.0
"""How far below the instrument's loud end a rest lies: there even a network that never heard silence makes none to speak of."""
MOST_STAGES = 1024
LONGEST_S = 3600.0
"""Of a performance that no file gives."""

_SOUNDS_DB = 50.0  # below the loudest frame; what is softer isn't played
_LEAST_RANGE_DB = 3.0  # a performance with less has no dynamics to stretch
_STEEPEST, _FLATTEST = 2.0, 0.25
_FADE_S = 0.08
_SHORTEST_NOTE_S = 0.15
_CLEAR_DB = 24.0  # a rise by more makes a beginning no clearer


def range_of(card: Mapping[str, Any], name: str) -> tuple[float, float]:
    """Lowest and highest usual value of "range_midi" or "loudness_range_db"."""
    low, high = card["features"][name]
    return low, high


def rest_db(card: Mapping[str, Any]) -> float:
    """Loudness of a rest."""
    return max(SILENCE_DB, range_of(card, "loudness_range_db")[1] - REST_BELOW_DB)


def phrase_of(card: Mapping[str, Any], frame_rate_hz: float, seconds: float | None = None) -> Features:
    """What the instrument plays when nothing is asked of it: the phrase of its card.

    Args:
        card: The instrument's.
        frame_rate_hz: The instrument's.
        seconds: Wanted length; the phrase is played again as often as needed and cut. None plays it once.

    Returns:
        The performance; each time that the phrase is over or cut off, it fades out.

    Raises:
        UsageError: Less than a frame is wanted.
    """
    phrase = _stored(card, frame_rate_hz)
    wanted = len(phrase) if seconds is None else round(seconds * frame_rate_hz)
    if wanted < 1:
        raise UsageError(f"{seconds:g} s is too short to play anything.", "Ask for a second at least.")
    pick = np.arange(wanted) % len(phrase)
    loudness = phrase.loudness_db[pick]
    rest = rest_db(card)
    for end in range(len(phrase), wanted, len(phrase)):
        _fade_out(loudness[:end], rest, frame_rate_hz)
    _fade_out(loudness, rest, frame_rate_hz)
    return Features(phrase.f0_hz[pick], phrase.voiced[pick], loudness, frame_rate_hz)


def transfer(
    features: Features, card: Mapping[str, Any], transpose: float = 0.0, loudness_db: float = 0.0, match: bool = True
) -> Features:
    """Somebody else's performance for an instrument (timbre transfer); its own timbre is left out.

    Args:
        features: The performance.
        card: The instrument's.
        transpose: Semitones, on top of what matching does.
        loudness_db: Likewise.
        match: Whether the pitch is moved by octaves until its median lies in the instrument's range, and the loudness brought
            into the instrument's range: its 5th and 95th percentile become the instrument's, if that takes no slope outside
            0.25..2. What is softer or louder keeps its distance from them.

    Returns:
        Loudness between `SILENCE_DB` and 0 dB of full scale.
    """
    midi, loudness = midi_of(features.f0_hz), np.asarray(features.loudness_db, np.float64)
    if match:
        sounding = loudness > max(float(loudness.max(initial=SILENCE_DB)) - _SOUNDS_DB, SILENCE_DB)
        pitched = midi[sounding & (features.voiced > 0.5)]
        if len(pitched):
            midi = midi + 12 * octaves_into(float(np.median(pitched)), *range_of(card, "range_midi"))
        if sounding.any():
            loudness = _matched(loudness, np.percentile(loudness[sounding], [5, 95]), range_of(card, "loudness_range_db"))
    return replace(
        features,
        f0_hz=hertz_of(midi + transpose).astype(np.float32),
        loudness_db=np.clip(loudness + loudness_db, SILENCE_DB, 0.0).astype(np.float32),
        mfcc=None,
    )


def octaves_into(midi: float, low: float, high: float) -> int:
    """The fewest octaves that bring a note into a range; as near to its middle as octaves go if it is narrower than one."""
    if low <= midi <= high:
        return 0
    octaves = math.ceil((low - midi) / 12) if midi < low else math.floor((high - midi) / 12)
    return octaves if low <= midi + 12 * octaves <= high else round(((low + high) / 2 - midi) / 12)


def staged(
    card: Mapping[str, Any],
    frame_rate_hz: float,
    stages: int = 32,
    stage_s: float = 0.5,
    rest_s: float = 0.2,
    melody: bool = False,
) -> tuple[Features, np.ndarray]:
    """Growth in stages: one note per stage with rests between them, each older than the one before.

    A note rises and falls in loudness as the clearest note of the instrument's own phrase does, at that note's level.

    Args:
        card: The instrument's.
        frame_rate_hz: The instrument's.
        stages: Number of notes, 1..1024.
        stage_s: Length of a note, at least 0.15 s.
        rest_s: Length of the rest after it.
        melody: Whether the notes follow the phrase's; otherwise all have its median pitch.

    Returns:
        The performance and the age at each of its frames, (frames,): 1 / stages in the first stage, 1 in the last, changing in
        the middle of the rests.

    Raises:
        UsageError: No such stages.
    """
    if not 1 <= stages <= MOST_STAGES:
        raise UsageError(f"There can't be {stages} stages.", f"Choose 1 to {MOST_STAGES}.")
    if not (stage_s >= _SHORTEST_NOTE_S and rest_s >= 0):
        raise UsageError(
            f"Stages of {stage_s:g} s with rests of {rest_s:g} s can't be played.",
            f"A stage takes {_SHORTEST_NOTE_S} s at least, a rest 0 s.",
        )
    if not stages * (stage_s + rest_s) <= LONGEST_S:
        raise UsageError(f"{stages} stages of {stage_s:g} s with rests of {rest_s:g} s take more than an hour.", "Ask for fewer.")
    phrase, rest = _stored(card, frame_rate_hz), rest_db(card)
    # From the times, not from the length of one stage, or the stages' rounding would add up.
    starts = np.round(np.arange(stages + 1) * (stage_s + rest_s) * frame_rate_hz).astype(int)
    ends = np.round((np.arange(stages) * (stage_s + rest_s) + stage_s) * frame_rate_hz).astype(int)
    notes = _notes(phrase)
    pitches = _pitches(phrase, notes, stages if melody else 1)
    loudness, voiced = np.full(starts[-1], rest), np.zeros(starts[-1])
    midi, ages = np.empty(starts[-1]), np.empty(starts[-1])
    clearest = max(notes, key=lambda note: _clarity(phrase, note))
    for stage in range(stages):
        start, end, after = starts[stage], ends[stage], starts[stage + 1]
        changed = (ends[stage - 1] + start) // 2 if stage else 0
        loudness[start:end] = _played(phrase.loudness_db[clearest], end - start)
        _fade_out(loudness[start:end], rest, frame_rate_hz)
        voiced[start:end] = 1.0
        midi[start:after] = pitches[stage % len(pitches)]
        ages[changed:] = (stage + 1) / stages
    single = (array.astype(np.float32) for array in (hertz_of(midi), voiced, loudness))
    return Features(*single, frame_rate_hz), ages


def _stored(card: Mapping[str, Any], frame_rate_hz: float) -> Features:
    midi, voiced, loudness = (np.asarray(card["phrase"][name], np.float32) for name in ("midi", "voiced", "loudness_db"))
    return Features(hertz_of(midi).astype(np.float32), voiced, np.clip(loudness, SILENCE_DB, 0), frame_rate_hz)


def _matched(loudness: np.ndarray, found: np.ndarray, wanted: tuple[float, float]) -> np.ndarray:
    """Loudness whose percentiles `found` are moved to `wanted`, straight between them and with slope 1 beyond."""
    width = found[1] - found[0]
    slope = float(np.clip((wanted[1] - wanted[0]) / width, _FLATTEST, _STEEPEST)) if width >= _LEAST_RANGE_DB else 1.0
    inside = np.clip(loudness, *found)
    return wanted[1] + slope * (inside - found[1]) + (loudness - inside)


def _fade_out(loudness: np.ndarray, rest: float, frame_rate_hz: float) -> None:
    """Takes the end down to a rest, straight in decibels, in place."""
    frames = min(len(loudness), max(1, round(_FADE_S * frame_rate_hz)))
    start, ramp = len(loudness) - frames, np.arange(1, frames + 1) / frames
    ceiling = loudness[start] + (rest - loudness[start]) * ramp
    loudness[start:] = np.minimum(loudness[start:], ceiling)


def _notes(phrase: Features) -> list[slice]:
    """Where the phrase sounds without a pause, or a leap in pitch, for long enough; all of it if it never does."""
    level = phrase.loudness_db
    sounds = (phrase.voiced > 0.5) & (level > level.max() - _SOUNDS_DB)
    leaps = np.abs(np.diff(midi_of(phrase.f0_hz))) > 0.7
    begins = sounds & np.concatenate([[True], ~sounds[:-1] | leaps])
    ends = sounds & np.concatenate([~sounds[1:] | leaps, [True]])
    found = zip(np.flatnonzero(begins), np.flatnonzero(ends) + 1, strict=True)
    least = _SHORTEST_NOTE_S * phrase.frame_rate_hz
    return [slice(int(start), int(end)) for start, end in found if end - start >= least] or [slice(0, len(phrase))]


def _clarity(phrase: Features, note: slice) -> float:
    """How well a note stands for the others: loud, long enough to have a middle, struck out of quiet and let go into it."""
    level = phrase.loudness_db
    loud = float(np.percentile(level[note], 75))
    around = [level[place] if 0 <= place < len(level) else SILENCE_DB for place in (note.start - 1, note.stop)]
    struck, let_go = (min(loud - float(quiet), _CLEAR_DB) for quiet in (min(around[0], level[note.start]), around[1]))
    return loud + 6 * min((note.stop - note.start) / phrase.frame_rate_hz, 1.0) + 0.5 * struck + 0.25 * let_go


def _pitches(phrase: Features, notes: list[slice], count: int) -> np.ndarray:
    """The median pitch of `count` notes from the phrase's beginning on; of all together if `count` is 1."""
    midi = midi_of(phrase.f0_hz)
    if count == 1:
        return np.array([np.median(np.concatenate([midi[note] for note in notes]))])
    return np.array([np.median(midi[note]) for note in notes[:count]])


def _played(level: np.ndarray, frames: int) -> np.ndarray:
    """A note's loudness for a note of another length: its beginning and its end, which take turns in the middle third."""
    place = np.arange(frames)
    rising = level[np.minimum(place, len(level) - 1)]
    falling = level[np.maximum(place - frames + len(level), 0)]
    share = np.clip(3 * (place + 0.5) / frames - 1, 0, 1)
    return rising + (falling - rising) * share
