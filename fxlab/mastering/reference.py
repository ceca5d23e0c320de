"""A chain that brings a song towards references, in tone, dynamics and width, each with its own weight."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.effects.params import Value
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain, Peak
from fxlab.mastering.comparable import MONO_DB, Comparable, filled, known, mean_of, spread_db
from fxlab.mastering.explain import Reason, describe
from fxlab.mastering.fitting import drawn_by, peaks_for, smoothed

MOST_DB = 6.0
"""No band's level and no side is changed by more than this, and no peak compressed by more."""

_EDGES_DB = 3.0  # lowest and highest bands differ between songs for reasons that no equaliser should follow
_LEAST_DB = 0.5  # smaller differences of tone and width are none
_LEAST_REDUCTION_DB = 1.0
_DEPTH_DB = 8.0  # the compressor's threshold is at least so far below the peak


@dataclass(frozen=True)
class Weights:
    """How much of the difference to the references is made up for, shares 0..1."""

    tone: float = 1.0
    dynamics: float = 1.0
    width: float = 1.0


def chain_towards(
    song: Analysis, references: Sequence[Analysis], weights: Weights | None = None, names: Sequence[str] = ()
) -> tuple[Chain, tuple[Reason, ...]]:
    """What makes a song measure like the mean of its references.

    Args:
        song: The song; for a silent one nothing is done.
        references: At least one; silent ones don't count.
        weights: All 1 by default.
        names: Of the references.

    Returns:
        The chain, without its loudness stage, and the reasons for what it does.
    """
    heard = [one for one in references if not one.silent]
    if song.silent or not heard:
        return Chain(), ()
    weights, wanted = weights or Weights(), mean_of(heard, names)
    chain = Chain(
        peaks=_within(peaks_for(weights.tone * wanted_curve(song, wanted), song.sample_rate_hz), song.sample_rate_hz),
        dynamics=compression(reduction_db(song, wanted) * weights.dynamics, song),
        width=_width(song, wanted, weights.width),
    )
    return chain, describe(chain, song, wanted)


def wanted_curve(song: Analysis, wanted: Comparable) -> np.ndarray:
    """Gain in dB, within +-6, that brings every band of `CENTRES_HZ` to the level of `wanted`, (27,); smooth over frequency.

    Bands that one of them hasn't got are changed as the nearest that both have. A difference under 0.5 dB everywhere is none.
    """
    curve = smoothed(filled(wanted.mid_db - known(song)))
    most = np.full(len(CENTRES_HZ), MOST_DB)
    most[[0, 1, -1]] = _EDGES_DB
    curve = smoothed(np.clip(curve, -most, most), 0.7)
    return curve if np.abs(curve).max() >= _LEAST_DB else 0 * curve


def reduction_db(song: Analysis, wanted: Comparable) -> float:
    """By how much the song's peaks are to be compressed, 0..6 dB, never less than nothing: dynamics can't be put back.

    It is half of what its peaks stand out more above its loudness than those of `wanted` (the limiter does the rest), or all of
    what its loud moments stand out more above its usual ones, if that is more. Less than 1 dB is nothing.
    """
    plr = song.programme.plr_db
    peaks = 0.5 * (plr - wanted.plr_db) if plr is not None and math.isfinite(wanted.plr_db) else 0.0
    reduction = min(MOST_DB, max(peaks, spread_db(song) - wanted.spread_db))
    return reduction if reduction >= _LEAST_REDUCTION_DB else 0.0


def compression(reduction: float, song: Analysis) -> Mapping[str, Value]:
    """The compressor that lowers a steady tone at the song's peak level by `reduction` dB; nothing for 0.

    The threshold sinks as that grows, so that the ratio stays that of mastering, at most 1.5, and more of the song takes part.
    """
    if reduction <= 0.0:
        return {}
    depth = max(_DEPTH_DB, 3.0 * reduction)
    threshold = min(0.0, max(-60.0, song.programme.sample_peak_db - depth))
    return {
        "threshold_db": round(threshold, 1),
        "ratio": round(1.0 / (1.0 - reduction / depth), 3),
        "attack_ms": 5.0,
        "release_ms": 120.0,
        "knee_db": 6.0,
    }


def _within(peaks: tuple[Peak, ...], sample_rate_hz: int) -> tuple[Peak, ...]:
    """Bells that don't do more than `MOST_DB` anywhere, though the fit may have overshot."""
    most = float(np.abs(drawn_by(peaks, sample_rate_hz)).max())
    if most <= MOST_DB:
        return peaks
    share = 0.99 * MOST_DB / most  # the shape of a bell changes a little with its gain
    return tuple(dataclasses.replace(one, gain_db=one.gain_db * share) for one in peaks)


def _width(song: Analysis, wanted: Comparable, weight: float) -> Mapping[str, Value]:
    if song.width_db <= MONO_DB or not math.isfinite(wanted.width_db):
        return {}
    difference = min(MOST_DB, max(-MOST_DB, wanted.width_db - song.width_db)) * weight
    return {"width": round(min(2.0, 10 ** (difference / 20)), 3)} if abs(difference) >= _LEAST_DB else {}
