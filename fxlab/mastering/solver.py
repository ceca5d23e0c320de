"""How loud a master is to be, and the gain in front of the limiter that makes it so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fxlab.audio.loudness import ABSOLUTE_GATE_LUFS
from fxlab.effects.registry import effect
from fxlab.mastering.sketch import Sketch

_WITHIN_LU = 0.002
_ROUNDS = 40
_DIGITS = 4  # of the gain in dB


@dataclass(frozen=True)
class Aim:
    """What is aimed at.

    Attributes:
        lufs: Loudness of the master; None where nothing is promised of it.
        limited: Whether gain and limiter are played at all.
        most_gain_db: That the limiter is allowed.
        remarks: Why it is something else than was wanted.
    """

    lufs: float | None
    limited: bool
    most_gain_db: float = 0.0
    remarks: tuple[str, ...] = ()


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
        return Aim(None, False, remarks=("It is digital silence: there is no level to change.",))
    if lufs is None:
        return Aim(None, sketch.true_peak_db > ceiling_db)
    wanted = own + amount * (lufs - own)
    limit, allowed = _gains_db()[1], ceiling_db + max_reduction_db - sketch.true_peak_db
    most = min(limit, allowed)
    reached = sketch.lufs(most, ceiling_db)
    if reached >= wanted - _WITHIN_LU:
        return Aim(wanted, True, most)
    if reached < ABSOLUTE_GATE_LUFS:
        return Aim(None, True, most, (f"It is next to silent: {most:.0f} dB of gain don't make it measurable.",))
    why = f"its peaks would be lowered by more than {max_reduction_db:g} dB" if allowed < limit else f"a gain over {limit:g} dB"
    return Aim(reached, True, most, (f"It stays at {reached:.1f} LUFS instead of {wanted:.1f}, which would take {why}.",))


def gain_db(sketch: Sketch, wanted: Aim, ceiling_db: float, correction_lu: float = 0.0) -> float:
    """The gain in front of a limiter with that ceiling that makes a song as loud as wanted, as near as the sketch tells.

    Args:
        sketch: Of the song in front of the limiter.
        wanted: What is aimed at; without a loudness, the gain is 0.
        ceiling_db: Of the limiter.
        correction_lu: By how much louder than the sketch says the song was found to be.
    """
    if wanted.lufs is None:
        return 0.0
    lufs = wanted.lufs - correction_lu

    def missing(gain: float) -> float:
        return lufs - sketch.lufs(gain, ceiling_db)

    high = wanted.most_gain_db
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


def _gains_db() -> tuple[float, float]:
    declared = next(one for one in effect("limiter").parameters if one.name == "gain_db")
    return declared.low, declared.high
