"""How loud a master is to be, and the gain in front of the limiter that makes it so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fxlab.audio.loudness import ABSOLUTE_GATE_LUFS
from fxlab.effects.registry import effect
from fxlab.mastering.sketch import Sketch

_WITHIN_LU = 0.002
_ROUNDS = 40
_SLACK_DB = 1.0  # that a file which has to be made again, under a lower ceiling, may take in addition to be as loud
_DIGITS = 4  # of the gain in dB


@dataclass(frozen=True)
class Aim:
    """What is aimed at.

    Attributes:
        lufs: Loudness of the master; None for whatever comes about.
        limited: Whether gain and limiter are played at all.
        instead: Why the song can't be so loud, None where it can: what it would need.
        remarks: Why nothing is done to its level.
    """

    lufs: float | None
    limited: bool
    instead: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def promised_lufs(self) -> float | None:
        return self.lufs if self.instead is None else None


def aim(sketch: Sketch, lufs: float | None, ceiling_db: float, amount: float, max_reduction_db: float) -> Aim:
    """What a song can be made: as loud as wanted, or what is nearest to it without taking too much off its peaks.

    Args:
        sketch: Of the song in front of the limiter.
        lufs: How loud it should be; None for as loud as it is.
        ceiling_db: Of the limiter.
        amount: Share 0..1 of the way from the song's own loudness to that; 0 leaves it as it is, whatever its peaks.
        max_reduction_db: Most that may be taken off its peaks.
    """
    if amount == 0.0:
        return Aim(None, False)
    own = sketch.lufs()
    if not math.isfinite(own):
        silent = sketch.true_peak_db == -math.inf
        why = "It is digital silence: there is no level to change." if silent else "It is too short to have a loudness."
        return Aim(None, False, remarks=(why,))
    if lufs is None:
        return Aim(None, sketch.true_peak_db > ceiling_db)
    wanted = own + amount * (lufs - own)
    most = _most_gain_db(sketch, ceiling_db, max_reduction_db)
    reached = sketch.lufs(most, ceiling_db)
    if reached >= wanted - _WITHIN_LU:
        return Aim(wanted, True)
    if reached < ABSOLUTE_GATE_LUFS:
        return Aim(None, False, remarks=(f"It is next to silent: {most:.0f} dB of gain don't make it measurable.",))
    limit = _gains_db()[1]
    needed = f"a gain of more than {limit:g} dB" if most == limit else f"its peaks lowered by more than {max_reduction_db:g} dB"
    return Aim(wanted, True, needed)


def gain_db(sketch: Sketch, wanted: Aim, ceiling_db: float, max_reduction_db: float, correction_lu: float = 0.0) -> float:
    """The gain in front of a limiter with that ceiling that makes a song as loud as wanted, as near as the sketch tells.

    Args:
        sketch: Of the song in front of the limiter.
        wanted: What is aimed at; without a loudness, the gain is 0.
        ceiling_db: Of the limiter.
        max_reduction_db: As for `aim`.
        correction_lu: By how much louder than the sketch says the song was found to be.
    """
    if wanted.lufs is None:
        return 0.0
    most = _most_gain_db(sketch, ceiling_db, max_reduction_db)
    if wanted.instead is not None:
        return round(most, _DIGITS)
    lufs = wanted.lufs - correction_lu

    def missing(gain: float) -> float:
        return lufs - sketch.lufs(gain, ceiling_db)

    high = min(_gains_db()[1], most + _SLACK_DB)
    low = max(_gains_db()[0], min(high, lufs - sketch.lufs()))  # a limiter never makes it louder
    below, above = missing(low), missing(high)
    if below <= _WITHIN_LU:
        return round(low, _DIGITS)
    if above >= -_WITHIN_LU:
        return round(high, _DIGITS)
    stayed = middle = 0.0
    for _ in range(_ROUNDS):  # regula falsi; by the Illinois rule an end that stays counts half
        middle = (low * above - high * below) / (above - below)
        now = missing(middle)
        if abs(now) <= _WITHIN_LU:
            break
        if now > 0:
            low, below = middle, now
            above /= 2 if stayed > 0 else 1
        else:
            high, above = middle, now
            below /= 2 if stayed < 0 else 1
        stayed = now
    return round(middle, _DIGITS)


def _most_gain_db(sketch: Sketch, ceiling_db: float, max_reduction_db: float) -> float:
    return min(_gains_db()[1], ceiling_db + max_reduction_db - sketch.true_peak_db)


def _gains_db() -> tuple[float, float]:
    declared = next(one for one in effect("limiter").parameters if one.name == "gain_db")
    return declared.low, declared.high
