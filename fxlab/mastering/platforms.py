"""What streaming services do to the level of a song when they play it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fxlab.audio.programme import Programme

_NOTHING_DB = 0.05


@dataclass(frozen=True)
class Platform:
    """How a service normalises by default.

    Attributes:
        lufs: What it plays songs at.
        raises: Whether it turns quiet songs up.
        peak_db: Where it stops doing that: the true peak after the gain, dB of full scale.
    """

    name: str
    lufs: float
    raises: bool = False
    peak_db: float = 0.0


PLATFORMS = (
    Platform("Spotify", -14.0, raises=True, peak_db=-1.0),
    Platform("Apple Music", -16.0, raises=True),
    Platform("YouTube", -14.0),
    Platform("Tidal", -14.0),
    Platform("Amazon Music", -14.0),
    Platform("Deezer", -15.0),
)


@dataclass(frozen=True)
class PlatformEffect:
    """What one service does: its gain in dB, and that in words."""

    platform: str
    gain_db: float
    text: str


def effects_of(programme: Programme) -> tuple[PlatformEffect, ...]:
    """What each service does to a song that measures so; nothing is said of one without integrated loudness."""
    if not math.isfinite(programme.integrated_lufs):
        return ()
    return tuple(_effect(platform, programme) for platform in PLATFORMS)


def _effect(platform: Platform, programme: Programme) -> PlatformEffect:
    wanted = platform.lufs - programme.integrated_lufs
    if wanted < -_NOTHING_DB:
        return PlatformEffect(platform.name, wanted, f"{platform.name} turns it down {-wanted:.1f} dB")
    if wanted <= _NOTHING_DB:
        return PlatformEffect(platform.name, 0.0, f"{platform.name} leaves its level")
    if not platform.raises:
        return PlatformEffect(platform.name, 0.0, f"{platform.name} leaves it {wanted:.1f} dB quieter than other songs")
    peak = programme.true_peak_db if programme.true_peak_db is not None else programme.sample_peak_db
    gain = min(wanted, max(0.0, platform.peak_db - peak))
    if gain >= wanted - _NOTHING_DB:
        return PlatformEffect(platform.name, wanted, f"{platform.name} turns it up {wanted:.1f} dB")
    if gain <= _NOTHING_DB:
        return PlatformEffect(
            platform.name, 0.0, f"{platform.name} would turn it up {wanted:.1f} dB, but its peaks allow nothing"
        )
    return PlatformEffect(
        platform.name, gain, f"{platform.name} turns it up {gain:.1f} dB of {wanted:.1f}, as far as the peak allows"
    )
