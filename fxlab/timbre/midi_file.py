"""Standard MIDI files in: notes in seconds, with the pedal held and the pitch bent. `mido` reads them and is optional."""

from __future__ import annotations

import io
import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fxlab.errors import InputError, MissingError

LONGEST_S = 3600.0
"""A longer file is taken for a damaged one: a single wrong byte can mean days of silence."""
DRUMS = 9
"""The channel, from 0, whose notes are drums and have no pitch."""

_SUSTAIN, _ALL_SOUND_OFF, _RESET, _ALL_NOTES_OFF = 64, 120, 121, 123
_DATA, _FINE_DATA, _PARAMETER_LOW, _PARAMETER_HIGH = 6, 38, 100, 101
_UNREGISTERED = (98, 99)
_BEND_RANGE = (0, 0)  # the registered parameter (high, low) that says how far the wheel bends
_DEFAULT_TEMPO = 500_000  # microseconds per quarter note until the file says otherwise
_DAMAGED = "Export it again as a standard MIDI file (.mid)."

Bend = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Note:
    """A note.

    Args:
        start_s: When it begins.
        end_s: When it is let go, by the key and the pedal.
        midi: 0..127, 69 being 440 Hz.
        velocity: How hard it is struck, 1..127.
        bend: From which second on by how many semitones it is bent, times rising; nothing before the first.
    """

    start_s: float
    end_s: float
    midi: int
    velocity: int
    bend: Bend = ()


def read_midi(path: str | Path) -> list[Note]:
    """The notes of all tracks and channels but the drums', in the order of their beginnings.

    Raises:
        InputError: The file is missing, no MIDI file, damaged, of independent patterns (type 2), without notes or longer than
            an hour.
        MissingError: `mido` isn't installed.
    """
    try:
        import mido
    except ImportError:
        raise MissingError("MIDI files need mido, which isn't installed.", "Install it: pip install mido.") from None
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.", "Check its name and permissions.") from None
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
        merged = mido.merge_tracks(file.tracks, skip_checks=True)
    except Exception as error:  # whatever damaged bytes make of mido's parser: it promises no kind of error
        raise InputError(f"{path} is no MIDI file, or damaged ({_reason(error)}).", _DAMAGED) from None
    if file.type not in (0, 1):
        raise InputError(f"{path} holds patterns that don't belong together (MIDI file type {file.type}).", _DAMAGED)
    if file.ticks_per_beat == 0:
        raise InputError(f"{path} is damaged: it gives no unit of time.", _DAMAGED)
    listener = _Listener()
    for seconds, message in _timed(merged, file.ticks_per_beat):
        if seconds > LONGEST_S:
            raise InputError(f"{path} lasts longer than an hour.", "Cut it, or check whether it is damaged.")
        listener.hear(seconds, message)
    notes = sorted(listener.finished(), key=lambda note: (note.start_s, note.midi, note.end_s))
    if not notes:
        why = "only drums, which have no pitch" if listener.drums else "no notes"
        raise InputError(f"{path} holds {why}.", "Name a file with a melody or chords.")
    return notes


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "it ends too early"
    return str(error) or type(error).__name__


def _timed(messages: Any, division: int) -> list[tuple[float, Any]]:
    """Messages with their times in seconds. A negative division means frames per second and ticks per frame (SMPTE)."""
    found, seconds, tick_s = [], 0.0, 0.0
    if division < 0:
        frames = -(division >> 8)
        tick_s = 1 / ((30_000 / 1001 if frames == 29 else frames) * max(division & 0xFF, 1))
    else:
        tick_s = _DEFAULT_TEMPO * 1e-6 / division
    for message in messages:
        seconds += message.time * tick_s
        if message.type == "set_tempo" and division > 0:
            tick_s = message.tempo * 1e-6 / division
        found.append((seconds, message))
    return found


@dataclass
class _Pressed:
    """A note that sounds: its key, or the pedal, is down."""

    start_s: float
    velocity: int
    key: bool = True


@dataclass
class _Channel:
    pressed: dict[int, _Pressed] = field(default_factory=dict)
    pedal: bool = False
    wheel: int = 0
    bend_range: list[int] = field(default_factory=lambda: [2, 0])  # semitones, cents
    parameter: list[int] = field(default_factory=lambda: [127, 127])  # high, low; 127, 127 is none
    bends: list[tuple[float, float]] = field(default_factory=list)

    def bent(self, seconds: float) -> None:
        semitones = self.wheel / 8192 * (self.bend_range[0] + self.bend_range[1] / 100)
        if not self.bends or self.bends[-1][1] != semitones:
            self.bends.append((seconds, semitones))


class _Listener:
    """Turns messages into notes."""

    def __init__(self) -> None:
        self.drums = False
        self._notes: list[Note] = []
        self._channels: dict[int, _Channel] = {}
        self._seconds = 0.0

    def hear(self, seconds: float, message: Any) -> None:
        self._seconds = seconds
        number = getattr(message, "channel", None)
        if number is None:
            return
        channel = self._channels.setdefault(number, _Channel())
        if message.type == "note_on" and message.velocity:
            if number == DRUMS:
                self.drums = True
                return
            self._end(channel, message.note)
            channel.pressed[message.note] = _Pressed(seconds, message.velocity)
        elif message.type in ("note_on", "note_off"):
            if channel.pedal and message.note in channel.pressed:
                channel.pressed[message.note].key = False
            else:
                self._end(channel, message.note)
        elif message.type == "pitchwheel":
            channel.wheel = message.pitch
            channel.bent(seconds)
        elif message.type == "control_change":
            self._controlled(channel, message.control, message.value)

    def finished(self) -> list[Note]:
        """All notes; those that nobody ended end with the file."""
        for channel in self._channels.values():
            for note in list(channel.pressed):
                self._end(channel, note)
        return self._notes

    def _controlled(self, channel: _Channel, control: int, value: int) -> None:
        if control == _SUSTAIN:
            self._pedal(channel, value >= 64)
        elif control in (_ALL_SOUND_OFF, _ALL_NOTES_OFF):
            for note in list(channel.pressed):
                self._end(channel, note)
        elif control == _RESET:
            self._pedal(channel, False)
            channel.wheel = 0
            channel.bent(self._seconds)
        elif control in (_PARAMETER_HIGH, _PARAMETER_LOW):
            channel.parameter[control == _PARAMETER_LOW] = value
        elif control in _UNREGISTERED:
            channel.parameter[:] = 127, 127
        elif control in (_DATA, _FINE_DATA) and tuple(channel.parameter) == _BEND_RANGE:
            channel.bend_range[control == _FINE_DATA] = value
            channel.bent(self._seconds)

    def _pedal(self, channel: _Channel, down: bool) -> None:
        channel.pedal = down
        if not down:
            for note in [note for note, pressed in channel.pressed.items() if not pressed.key]:
                self._end(channel, note)

    def _end(self, channel: _Channel, note: int) -> None:
        pressed = channel.pressed.pop(note, None)
        if pressed is not None and self._seconds > pressed.start_s:
            bend = _during(channel.bends, pressed.start_s, self._seconds)
            self._notes.append(Note(pressed.start_s, self._seconds, note, pressed.velocity, bend))


def _during(bends: list[tuple[float, float]], start_s: float, end_s: float) -> Bend:
    """The bends within a note, and the one that it begins with."""
    first, last = bisect_right(bends, (start_s, math.inf)), bisect_left(bends, (end_s, -math.inf))
    held = ((start_s, bends[first - 1][1]),) if first and bends[first - 1][1] else ()
    return held + tuple(bends[first:last])
