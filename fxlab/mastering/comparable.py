"""What a song is compared with: the mean of references, or of songs that are like it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio import biquad
from fxlab.audio.bands import CENTRES_HZ, FLOOR_DB
from fxlab.audio.loudness import k_weighting
from fxlab.mastering.analysis import Analysis

MONO_DB = -60.0
"""A song with so narrow sides counts as mono."""

_MIDDLE = slice(8, 24)  # 250 Hz to 8 kHz: of these bands the spread over time is told


@dataclass(frozen=True)
class Comparable:
    """Means over songs of what an `Analysis` measures.

    Attributes:
        mid_db: Spectrum of the mid in the bands of `CENTRES_HZ`, levelled (see `levelled`), (27,); NaN where none has that band.
        width_db: Side over mid; NaN where all are mono.
        plr_db: Peak to loudness ratio.
        spread_db: Loud over usual moments, see `spread_db`.
        count: How many songs.
        names: Theirs, as far as they are told.
    """

    mid_db: np.ndarray
    width_db: float
    plr_db: float
    spread_db: float
    count: int
    names: tuple[str, ...] = ()


def mean_of(songs: Sequence[Analysis], names: Sequence[str] = ()) -> Comparable:
    """The mean of songs, each counting the same; silent ones must be left out before, and there must be some."""
    return mean_of_measures(
        np.stack([known(song) for song in songs]),
        [song.width_db for song in songs],
        [song.programme.plr_db for song in songs],
        [spread_db(song) for song in songs],
        names,
    )


def mean_of_measures(
    mid_db: np.ndarray,
    width_db: Sequence[float],
    plr_db: Sequence[float | None],
    spread_db: Sequence[float],
    names: Sequence[str],
) -> Comparable:
    """The mean of songs, at least one, by what they measure (see `Comparable`).

    Args:
        mid_db: Levelled, (songs, 27), NaN where a song hasn't got a band.
        width_db: That of mono counts for nothing.
        plr_db: None where it isn't known.
    """
    widths = np.asarray(width_db, np.float64)
    return Comparable(
        mid_db=_mean(mid_db),
        width_db=float(_mean(np.where(widths > MONO_DB, widths, np.nan))),
        plr_db=float(_mean(np.asarray(plr_db, np.float64))),
        spread_db=float(np.mean(spread_db)),
        count=len(mid_db),
        names=tuple(names),
    )


def levelled(mid_db: np.ndarray) -> np.ndarray:
    """A spectrum at the level at which its K-weighted power is 1: songs of any loudness and channel count compare. (27,)."""
    power = 10 ** ((np.asarray(mid_db, np.float64) + _weighting_db()) / 10)
    return mid_db - 10 * np.log10(power.sum())


def known(song: Analysis) -> np.ndarray:
    """The levelled spectrum, NaN in bands that the sample rate or a coder left empty, (27,)."""
    levels = levelled(song.mid_db)
    empty = (0.43 * song.sample_rate_hz < CENTRES_HZ) | (song.mid_db <= FLOOR_DB + 1) | (levels < levels.max() - 80)
    return np.where(empty, np.nan, levels)


def filled(levels: np.ndarray) -> np.ndarray:
    """Levels (27,) with those of the nearest known bands in place of NaN; zeros where none is known."""
    there = np.flatnonzero(np.isfinite(levels))
    return np.interp(np.arange(len(levels)), there, levels[there]) if len(there) else np.zeros(len(levels))


def spread_db(song: Analysis) -> float:
    """How far loud moments (95th percentile) are above usual ones (50th), mean of the bands from 250 Hz to 8 kHz."""
    return float(np.mean((song.loud_db - song.usual_db)[_MIDDLE]))


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean over the first axis of what is known; NaN where nothing is."""
    there = np.isfinite(values)
    counts = there.sum(axis=0)
    return np.where(counts > 0, np.where(there, values, 0.0).sum(axis=0) / np.maximum(counts, 1), np.nan)


@functools.cache
def _weighting_db() -> np.ndarray:
    return 20 * np.log10(np.abs(biquad.response(k_weighting(48_000), CENTRES_HZ, 48_000)))
