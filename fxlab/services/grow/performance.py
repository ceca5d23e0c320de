"""What an instrument plays for `fxlab grow`, and how old its timbre is meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio import files
from fxlab.errors import InputError, UsageError
from fxlab.models.model import Model
from fxlab.progress import Progress
from fxlab.services.grow.request import Request
from fxlab.timbre.diagnosis import diagnose
from fxlab.timbre.features import extract
from fxlab.timbre.frames import Features, midi_of
from fxlab.timbre.growth import Damage
from fxlab.timbre.lanes import damage_frames
from fxlab.timbre.performance import phrase_of, staged, transfer
from fxlab.timbre.table import read_csv
from fxlab.timbre.tracker import SwiftF0

RATE_HZ = 44_100
"""Of the output, unless audio of another rate is followed."""
MOST_VOICES = 8
"""Of a MIDI file, unless more are asked for."""

_FATAL = ("silent", "polyphonic", "unvoiced")
_ONE_NOTE = (
    "Name a file with one note at a time, or give its pitch as a table with --f0 FILE.csv. Chords can be played from MIDI."
)


@dataclass(frozen=True)
class Performance:
    """What is played.

    Attributes:
        name: In words.
        voices: Performances of one length, which sound together.
        ages: Of the timbre in each frame, (frames,); None where nothing grows.
        damages: What is cut when.
        rate_hz: Of the output.
        octaves: By which a melody was moved into the instrument's range.
    """

    name: str
    voices: tuple[Features, ...]
    ages: np.ndarray | None
    damages: tuple[Damage, ...]
    rate_hz: int
    octaves: int = 0

    def __len__(self) -> int:
        return len(self.voices[0])

    @property
    def frame_rate_hz(self) -> float:
        return self.voices[0].frame_rate_hz

    @property
    def seconds(self) -> float:
        return self.voices[0].seconds


def performance_of(request: Request, model: Model, progress: Progress) -> Performance:
    """The performance that a request asks of an instrument.

    Raises:
        InputError: A file that can't be read or followed.
        UsageError: A lane or damage that doesn't fit the performance's length.
        MissingError: What reads MIDI or finds the pitch isn't installed.
    """
    config, card = model.config, model.card
    frame_rate_hz, rate_hz, ages, octaves = config.frame_rate_hz, request.rate_hz or RATE_HZ, None, 0
    if request.stages:
        options = {"stages": request.stages, "stage_s": request.stage_s, "rest_s": request.rest_s, "melody": request.melody}
        features, ages = staged(card, frame_rate_hz, **options)
        name, voices = f"{request.stages} stages", (_moved(features, model, request),)
        ages = ages.max() + ages.min() - ages if request.reverse else ages
    elif request.midi:
        voices, octaves = _of_midi(request, model)
        name = f"{request.along.name}, {len(voices)} {'voice' if len(voices) == 1 else 'voices'}"
    elif request.followed is not None:
        features, rate_hz, octaves = _of_audio(request.followed, request, model, progress)
        name, voices = request.followed.name, (features,)
    else:
        features = phrase_of(card, frame_rate_hz, request.seconds)
        name, voices = "its own phrase", (_moved(features, model, request),)
    frames = len(voices[0])
    if ages is None and request.resynth is None:
        ages = request.lane().curve(frames, frame_rate_hz, reverse=request.reverse)
    cut = damage_frames(request.damages(), frames, frame_rate_hz, config.harmonics, config.bands)
    return Performance(name, voices, ages, tuple((frame, _slice(cells)) for frame, cells in cut), rate_hz, octaves)


def _moved(features: Features, model: Model, request: Request) -> Features:
    """The instrument's own notes, which need no matching."""
    return transfer(features, model.card, request.pitch, request.loudness_db, match=False)


def _of_midi(request: Request, model: Model) -> tuple[tuple[Features, ...], int]:
    """The voices, and by how many octaves they were moved."""
    from fxlab.timbre.midi_file import read_midi
    from fxlab.timbre.voices import octaves_to_match, together, voices_of

    notes = read_midi(request.along)
    count = request.voices or min(together(notes), MOST_VOICES)
    found = voices_of(notes, model.card, model.config.frame_rate_hz, count, transpose=request.pitch, match=request.match)
    octaves = octaves_to_match(notes, model.card) if request.match else 0
    return tuple(transfer(one, model.card, 0.0, request.loudness_db, match=False) for one in found), octaves


def _of_audio(path: Path, request: Request, model: Model, progress: Progress) -> tuple[Features, int, int]:
    """What is heard of a recording, for the instrument, the output's rate, and by how many octaves it was moved."""
    task = f"Listening to {path.name}"
    progress(task, 0, None)
    audio, rate_hz = files.read(path)
    mono = audio.mean(axis=0)
    tracker = SwiftF0() if request.f0 is None else read_csv(request.f0)
    features = extract(mono, rate_hz, model.config, tracker, without_mfcc=True)
    if len(features) < 2:
        raise InputError(f"{path} is too short to play along with.", "Name a longer one.")
    for finding in diagnose(mono, rate_hz, features):
        if finding.kind in _FATAL[: 1 if request.f0 else None] and finding.fatal:
            hint = finding.hint if finding.kind == "silent" else _ONE_NOTE
            raise InputError(f"{path} can't be followed: {finding.text[0].lower()}{finding.text[1:]}", hint)
    progress(task, 1, 1)
    moved = transfer(features, model.card, request.pitch, request.loudness_db, request.match)
    octaves = round((float(midi_of(moved.f0_hz[0])) - float(midi_of(features.f0_hz[0])) - request.pitch) / 12)
    return moved, request.rate_hz or rate_hz, octaves


def _slice(cells: np.ndarray) -> slice:
    """The cells of one damage, which lie side by side."""
    which = np.flatnonzero(cells)
    return slice(int(which[0]), int(which[-1]) + 1)


def check_same_frames(model: Model, other: Model, path: Path) -> None:
    """Raises `UsageError` where one instrument can't grow out of another."""
    names = ("sample_rate_hz", "hop", "harmonics", "bands")
    ours, theirs = ([getattr(one.config, name) for name in names] for one in (model, other))
    if ours != theirs:
        what = ", ".join(
            f"{name.removesuffix('_hz')} {a} and {b}" for name, a, b in zip(names, ours, theirs, strict=True) if a != b
        )
        raise UsageError(
            f"{path} can't grow out of this instrument: they differ in {what}.", "Train both with the same settings."
        )
