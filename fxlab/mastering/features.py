"""A song's analysis as the numbers that a mastering network is given beside the audio.

The pooled vector of an encoder tells how large its filters' outputs are on average; balance over frequency in dB, on which
mastering turns, it can only tell roughly. Levels are relative to the song's own, but for the few that tell how far it has
come: loudness and peaks.
"""

from __future__ import annotations

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.mastering.analysis import Analysis

TONE = slice(0, len(CENTRES_HZ))
"""Where the balance over frequency stands among the features."""
WIDTH = slice(len(CENTRES_HZ), 2 * len(CENTRES_HZ))

WORKING_LUFS = -20.0
"""Loudness at which a network hears and corrects a song, whatever its own."""

_RANGE_DB = 60.0
_NARROW_DB, _WIDE_DB = -30.0, 10.0
_QUIETEST_LUFS, _LONGEST_LU = -60.0, 30.0
_DENSE = 1e-4

COUNT = 2 * len(CENTRES_HZ) + 9


def balance_db(levels_db: np.ndarray) -> np.ndarray:
    """Band levels (..., 27) around their mean, those far under the loudest raised to 60 dB below it."""
    levels = np.maximum(levels_db, levels_db.max(axis=-1, keepdims=True) - _RANGE_DB)
    return levels - levels.mean(axis=-1, keepdims=True)


def features_of(song: Analysis) -> np.ndarray:
    """(63,) float32, each number of the order of 1; of songs that aren't silent.

    How loud and quiet moments differ is told of all bands together: of each it would be a mark to know every song by, and with
    few songs that is what a network learns.
    """
    programme = song.programme
    lufs = max(_QUIETEST_LUFS, programme.integrated_lufs)
    general = (
        (programme.sample_peak_db - lufs) / 10 - 1.3,
        lufs / 10 + 1.5,
        max(_QUIETEST_LUFS, programme.sample_peak_db) / 10,
        np.clip(song.width_db, _NARROW_DB, _WIDE_DB) / 10,
        song.correlation,
        np.log10(song.peak_density + _DENSE) / 2 + 1,
        min(_LONGEST_LU, programme.range_lu or 0.0) / 10,
        np.clip(song.loud_db - song.usual_db, 0, 30).mean() / 10,
        np.clip(song.usual_db - song.quiet_db, 0, 30).mean() / 10,
    )
    parts = (
        balance_db(song.mid_db) / 10,
        np.clip(song.side_db - song.mid_db, _NARROW_DB, _WIDE_DB) / 10,
        general,
    )
    return np.concatenate(parts).astype(np.float32)
