"""Notes for an instrument: which voice plays which note, and each voice's pitch and loudness frame by frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fxlab.errors import UsageError
from fxlab.timbre.frames import Features, hertz_of
from fxlab.timbre.midi_file import Note
from fxlab.timbre.performance import octaves_into, range_of, rest_db

MOST_VOICES = 32

_DYNAMICS_DB = 12.0, 36.0  # from the softest note to the loudest: an instrument may know one level alone, or its tails as well
_FALL_DB = 60.0  # of a release
_GAP_S = 0.02
_VIBRATO_AFTER_S, _VIBRATO_WITHIN_S = 0.15, 0.4


@dataclass(frozen=True)
class Articulation:
    """How notes are played.

    Args:
        attack_s: From silence to full loudness.
        decay_db: By how much a note falls off while it is held.
        decay_s: Time constant of that.
        release_s: Time that 60 dB take after its end.
        glide_s: From pitch to pitch where one voice plays notes that overlap.
        vibrato_cents: Depth of a vibrato that sets in after a while.
        vibrato_hz: Its rate.
    """

    attack_s: float = 0.03
    decay_db: float = 3.0
    decay_s: float = 0.25
    release_s: float = 0.15
    glide_s: float = 0.06
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.5


@dataclass(frozen=True)
class _Part:
    """A stretch of a voice: one note, or what is heard of it. `legato` goes on from the part before without a new attack."""

    note: Note
    start_s: float
    end_s: float
    legato: bool = False


def voices_of(
    notes: Sequence[Note],
    card: Mapping[str, Any],
    frame_rate_hz: float,
    voices: int = 8,
    articulation: Articulation | None = None,
    transpose: float = 0.0,
    match: bool = False,
) -> list[Features]:
    """The performances of an instrument's voices, of one length, which together play the notes.

    One voice plays the last of the notes that are held, gliding where they overlap. Several share the notes; where they are too
    few, the note that began first is cut short.

    Args:
        notes: At least one.
        card: The instrument's.
        frame_rate_hz: The instrument's.
        voices: At most so many, 1..32; those that have nothing to play are left out.
        articulation: How the notes are played.
        transpose: Semitones.
        match: Whether all is moved by octaves until the median note lies in the instrument's range.

    Returns:
        Loudness by velocity within the instrument's range, which is taken for 12 to 36 dB wide, and `rest_db` in silence; voiced
        from a note's beginning until its release is over.

    Raises:
        UsageError: No such number of voices.
    """
    if not 1 <= voices <= MOST_VOICES:
        raise UsageError(f"An instrument can't have {voices} voices.", f"Choose 1 to {MOST_VOICES}.")
    articulation = articulation or Articulation()
    if match:
        transpose += 12 * octaves_to_match(notes, card)
    parts = [_last_held(notes)] if voices == 1 else _shared(notes, voices, articulation.release_s)
    seconds = max(note.end_s for note in notes) + 2 * articulation.release_s
    frames = 1 + math.ceil(seconds * frame_rate_hz)
    return [_played(part, card, frames, frame_rate_hz, articulation, transpose) for part in parts]


def octaves_to_match(notes: Sequence[Note], card: Mapping[str, Any]) -> int:
    """By how many octaves `voices_of` moves notes to bring them into the instrument's range."""
    return octaves_into(_median(notes), *range_of(card, "range_midi"))


def together(notes: Sequence[Note]) -> int:
    """The most notes that sound at once."""
    changes = sorted([(note.end_s, -1) for note in notes] + [(note.start_s, 1) for note in notes])
    return int(np.cumsum([change for _, change in changes]).max(initial=0))


def _median(notes: Sequence[Note]) -> float:
    """The median pitch over time."""
    pitches = np.array([note.midi for note in notes])
    order = np.argsort(pitches)
    held = np.cumsum(np.array([note.end_s - note.start_s for note in notes])[order])
    return float(pitches[order][np.searchsorted(held, held[-1] / 2)])


def _last_held(notes: Sequence[Note]) -> list[_Part]:
    """One voice: at any time the note that began last among those that are held."""
    changes = sorted([(note.end_s, 0, number) for number, note in enumerate(notes)])
    changes += [(note.start_s, 1, number) for number, note in enumerate(notes)]
    parts: list[_Part] = []
    held: set[int] = set()
    sounding, since, legato = -1, 0.0, False
    for seconds, begins, number in sorted(changes):  # at one moment, ends before beginnings
        (held.add if begins else held.discard)(number)
        now = max(held, key=lambda one: (notes[one].start_s, notes[one].midi), default=-1)
        if now == sounding:
            continue
        if sounding >= 0 and seconds > since:
            parts.append(_Part(notes[sounding], since, seconds, legato))
            legato = now >= 0 and notes[now].midi != notes[sounding].midi
        elif sounding < 0:
            legato = False
        sounding, since = now, seconds
    return parts


def _shared(notes: Sequence[Note], voices: int, release_s: float) -> list[list[_Part]]:
    """Several voices: each note goes to one that is silent, else to one that is let go, else to the one that began first."""
    parts: list[list[_Part]] = []
    for note in sorted(notes, key=lambda note: (note.start_s, note.midi)):
        new = _Part(note, note.start_s, note.end_s)
        silent = [voice for voice in parts if voice[-1].end_s + release_s <= note.start_s]
        released = [voice for voice in parts if voice[-1].end_s <= note.start_s]
        if silent:
            silent[0].append(new)
        elif len(parts) < voices:
            parts.append([new])
        elif released:
            min(released, key=lambda voice: voice[-1].end_s).append(new)
        else:
            voice = min(parts, key=lambda voice: (voice[-1].start_s, voice[-1].note.velocity))
            cut = voice.pop()
            if cut.start_s < note.start_s:
                voice.append(replace(cut, end_s=note.start_s))
            voice.append(new)
    return parts


def _played(
    parts: Sequence[_Part], card: Mapping[str, Any], frames: int, frame_rate_hz: float, how: Articulation, transpose: float
) -> Features:
    rest = rest_db(card)
    low, high = range_of(card, "loudness_range_db")
    low = high - float(np.clip(high - low, *_DYNAMICS_DB))
    times = np.arange(frames) / frame_rate_hz
    aim, pitch, vibrato = np.full(frames, rest), np.empty(frames), np.zeros(frames)
    attacked_s = 0.0
    gap = max(1, round(_GAP_S * frame_rate_hz))
    firsts = [round(part.start_s * frame_rate_hz) for part in parts]
    pitch[: firsts[0]] = parts[0].note.midi + transpose
    for number, (part, first, until) in enumerate(zip(parts, firsts, [*firsts[1:], frames], strict=True)):
        until = max(until, first + 1)
        last = min(max(first + 1, round(part.end_s * frame_rate_hz)), until)
        goal = _bent(part.note, times[first:until]) + transpose
        if part.legato:
            share = np.minimum(np.arange(1, until - first + 1) / max(how.glide_s * frame_rate_hz, 1), 1)
            before = pitch[first - 1] if first else goal[0]
            goal = before + (goal - before) * (0.5 - 0.5 * np.cos(np.pi * share))
        else:
            attacked_s = part.start_s
            if number and firsts[number - 1] < first - gap:
                aim[first - gap : first] = rest  # or a note that is struck again would be one long note
        pitch[first:until] = goal
        level = low + (high - low) * part.note.velocity / 127
        held = np.maximum(times[first:last] - part.note.start_s, 0)
        aim[first:last] = level - how.decay_db * (1 - np.exp(-held / how.decay_s))
        vibrato[first:until] = np.clip((times[first:until] - attacked_s - _VIBRATO_AFTER_S) / _VIBRATO_WITHIN_S, 0, 1)
    pitch += vibrato * how.vibrato_cents / 100 * np.sin(2 * np.pi * how.vibrato_hz * times)
    rise = (high - rest) / max(how.attack_s, 1e-3) / frame_rate_hz
    fall = _FALL_DB / max(how.release_s, 1e-3) / frame_rate_hz
    loudness = _followed(aim, rest, rise, fall)
    single = (array.astype(np.float32) for array in (hertz_of(pitch), loudness > rest, loudness))
    return Features(*single, frame_rate_hz)


def _bent(note: Note, times: np.ndarray) -> np.ndarray:
    bends = np.array([0.0, *(bend for _, bend in note.bend)])
    return note.midi + bends[np.searchsorted([at for at, _ in note.bend], times, side="right")]


def _followed(aim: np.ndarray, start: float, rise: float, fall: float) -> np.ndarray:
    """A curve that goes where `aim` is, by no more than `rise` or `fall` from frame to frame."""
    out = np.empty_like(aim)
    now = start
    for frame, goal in enumerate(aim):
        now = min(goal, now + rise) if goal > now else max(goal, now - fall)
        out[frame] = now
    return out
