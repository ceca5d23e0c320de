"""How well what is heard of an instrument follows what it was asked for."""

from __future__ import annotations

import numpy as np

from fxlab.timbre.frames import SILENCE_DB, Features, midi_of

_HEARD_DB = 60.0  # below the loud frames; what is quieter isn't judged


def pitch_accuracy(wanted: Features, heard: Features, cents: float = 50.0) -> float:
    """Share of the frames in which a pitch is wanted that have one within so many cents of it, 0..1.

    Args:
        wanted: The performance; frames more than 60 dB below its loud ones don't count.
        heard: Features of what the instrument made of it, in the same frames; the longer one's end is left out.
        cents: Hundredths of a semitone.

    Returns:
        nan where no pitch is wanted.
    """
    frames = _common(wanted, heard)
    wanted, heard = wanted[:frames], heard[:frames]
    asked = (wanted.voiced > 0.5) & (wanted.loudness_db > _floor(wanted))
    right = (heard.voiced > 0.5) & (100 * np.abs(midi_of(heard.f0_hz) - midi_of(wanted.f0_hz)) <= cents)
    return float(right[asked].mean()) if asked.any() else float("nan")


def loudness_error_db(wanted: Features, heard: Features) -> float:
    """Mean absolute difference of loudness, in dB; all that is more than 60 dB below the loud frames wanted is equally silent.

    Args:
        wanted: The performance.
        heard: Features of what the instrument made of it, in the same frames; the longer one's end is left out.
    """
    frames, floor = _common(wanted, heard), _floor(wanted)
    levels = (np.maximum(np.asarray(each.loudness_db[:frames], np.float64), floor) for each in (wanted, heard))
    return float(np.abs(np.subtract(*levels)).mean())


def _floor(wanted: Features) -> float:
    return max(float(np.percentile(wanted.loudness_db, 95)) - _HEARD_DB, SILENCE_DB)


def _common(wanted: Features, heard: Features) -> int:
    if not np.isclose(wanted.frame_rate_hz, heard.frame_rate_hz) or not min(len(wanted), len(heard)):
        raise ValueError("The features must have frames, at the same rate.")
    return min(len(wanted), len(heard))
