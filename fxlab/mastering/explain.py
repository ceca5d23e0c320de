"""Why a chain does what it does, in plain words with numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.effects.eq.bands import response_db
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain
from fxlab.mastering.comparable import MONO_DB, Comparable, filled, known
from fxlab.mastering.fitting import smoothed

LEFT_ALONE = "It already measures like a finished master: tone, dynamics and width are left alone."

_BANDS = 5  # places of the spectrum that are told of at most
_LEAST_DB = 0.4
_NEAR_DB = 0.5  # a difference under this isn't one
_SMALL_DB = 1.0  # a change under this, with what is beside it, needs no reason of its own


@dataclass(frozen=True)
class Reason:
    """One thing that a chain does, and why.

    Attributes:
        stage: "tone", "dynamics", "width" or "loudness".
        hz: Where, for the tone; None otherwise.
        measured: What the song measured: a band's level, averaged over its neighbours, side over mid, peak to loudness ratio
            (dB), or its loudness (LUFS).
        comparable: The same of what it was compared with, or its target; NaN where it was compared with nothing.
        unit: Of the two.
        change: What is done: gain in dB for tone and loudness, the ratio for dynamics, the factor of the sides for width.
        why: What it was compared with, as in "above comparable songs"; for the loudness, which of several targets.
    """

    stage: str
    hz: float | None
    measured: float
    comparable: float
    unit: str
    change: float
    why: str

    def to_json(self) -> dict:
        return {name: None if value != value else value for name, value in vars(self).items()}


def describe(chain: Chain, song: Analysis, comparable: Comparable | None) -> tuple[Reason, ...]:
    """The reasons of a chain, read off what it does and where the song differs from comparable ones.

    Of the tone the extremes of the equaliser's curve are told, the largest ones, from low to high.

    Args:
        chain: Any chain.
        song: The song it is for.
        comparable: What it is compared with, None for nothing.
    """
    why = "" if comparable is None else _named(comparable)
    measured, others = smoothed(filled(known(song))), np.full(len(CENTRES_HZ), math.nan)
    if comparable is not None:
        others = measured + smoothed(filled(comparable.mid_db - known(song)))
    reasons = [
        Reason(
            "tone",
            float(CENTRES_HZ[band]),
            float(measured[band]),
            float(others[band]),
            "dB",
            float(gain),
            why,
        )
        for band, gain in _extremes(tone_db(chain, song.sample_rate_hz))
    ]
    if chain.dynamics:
        plr = song.programme.plr_db
        typical = math.nan if comparable is None else comparable.plr_db
        ratio = float(chain.dynamics.get("ratio", 2.0))
        reasons.append(Reason("dynamics", None, math.nan if plr is None else plr, typical, "dB", ratio, why))
    if chain.width and song.width_db > MONO_DB:
        typical = math.nan if comparable is None else comparable.width_db
        factor = float(chain.width.get("width", 1.0))
        reasons.append(Reason("width", None, song.width_db, typical, "dB", factor, why))
    return tuple(reasons)


def tone_db(chain: Chain, sample_rate_hz: int) -> np.ndarray:
    """What a chain's equaliser does in every band of `CENTRES_HZ`, dB, (27,); beyond half the rate as just under it."""
    values = next((stage.set for stage in chain.stages() if stage.name == "eq"), {})
    return response_db(values, np.minimum(CENTRES_HZ, 0.49 * sample_rate_hz), sample_rate_hz)


def sentences(reasons: Sequence[Reason]) -> list[str]:
    """A sentence for each reason; one that says so where nothing is done to tone, dynamics and width."""
    told = [{"tone": _tone, "dynamics": _dynamics, "width": _width, "loudness": _loudness}[one.stage](one) for one in reasons]
    return told if any(one.stage != "loudness" for one in reasons) else [LEFT_ALONE, *told]


def _tone(one: Reason) -> str:
    hz, change = one.hz or 0.0, f"{'cut' if one.change < 0 else 'raised'} {abs(one.change):.1f} dB"
    place = "Around " + (f"{hz:.0f} Hz" if hz < 1000 else f"{hz / 1000:.3g} kHz")
    apart = one.measured - one.comparable
    against = abs(apart) < _NEAR_DB or apart * one.change >= 0
    if not math.isfinite(apart) or (against and abs(one.change) < _SMALL_DB):
        return f"{place}: {change}."
    if abs(apart) < _NEAR_DB:
        return f"{place}: {change}, as a matter of taste; it was as in {one.why}."
    differed = f"it was {abs(apart):.1f} dB {'above' if apart > 0 else 'below'} {one.why}"
    taste = f"{place}: {change}, as a matter of taste; by itself {differed}."
    return f"{place} {differed}: {change}." if apart * one.change < 0 else taste


def _dynamics(one: Reason) -> str:
    change = f"compressed {round(one.change, 2):g}:1"
    if not math.isfinite(one.measured):
        return f"Its dynamics: {change}."
    level = f"Its peaks stood {one.measured:.1f} dB above its loudness"
    apart = one.measured - one.comparable
    if not math.isfinite(apart):
        return f"{level}: {change}."
    if apart < _NEAR_DB:  # what stands out are longer moments than peaks, or it is a matter of taste
        less = "as" if apart > -_NEAR_DB else f"{-apart:.1f} dB less than"
        stood = f"its peaks stood {one.measured:.1f} dB above its loudness, {less} in {one.why}"
        return f"Its dynamics: {change}, as a matter of taste; {stood}."
    return f"{level}, {apart:.1f} dB more than in {one.why}: {change}."


def _width(one: Reason) -> str:
    change = f"{'widened' if one.change > 1 else 'narrowed'} to {one.change:.2f}"
    if one.change == 1.0:
        change = "only the width of the bass is changed"
    apart = one.measured - one.comparable
    if not math.isfinite(apart):
        return f"Its sides: {change}."
    if abs(apart) < _NEAR_DB:
        return f"Its sides: {change}, as a matter of taste; they were as loud as in {one.why}."
    differed = f"were {abs(apart):.1f} dB {'louder' if apart > 0 else 'quieter'} than in {one.why}"
    taste = f"Its sides: {change}, as a matter of taste; they {differed}."
    return f"Its sides {differed}: {change}." if apart * (one.change - 1) < 0 else taste


def _loudness(one: Reason) -> str:
    if not math.isfinite(one.measured):
        return "It has no loudness that could be brought to a target."
    verb = "turned up" if one.change >= 0 else "turned down"
    target = f"the target of {one.why}" if one.why else "the target"
    was = f"Its loudness was {one.measured:.1f} {one.unit}"
    return f"{was}, {target} is {one.comparable:.1f}: {verb} by {abs(one.change):.1f} dB."


def _extremes(curve_db: np.ndarray) -> list[tuple[int, float]]:
    """The bands where a curve turns back, and how high it is there: the farthest from 0, in the order of frequency."""
    size = np.abs(curve_db)
    left, right = np.r_[0.0, size[:-1]], np.r_[size[1:], 0.0]
    sign = np.sign(curve_db)
    left, right = np.where(np.r_[0, sign[:-1]] == sign, left, 0), np.where(np.r_[sign[1:], 0] == sign, right, 0)
    turns = np.flatnonzero((size >= _LEAST_DB) & (size > left) & (size >= right))
    largest = sorted(turns, key=lambda band: -size[band])[:_BANDS]
    return [(int(band), float(curve_db[band])) for band in sorted(largest)]


def _named(comparable: Comparable) -> str:
    if len(comparable.names) == 1:
        return comparable.names[0]
    return "the references" if comparable.names else "comparable songs"
