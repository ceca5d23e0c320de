"""What a written master measures, and whether it is what was promised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Promise:
    """Something that the written file has to be.

    Attributes:
        name: "loudness", "true peak", "length", ...
        wanted, got: In words, with units.
        kept: Whether it is so.
    """

    name: str
    wanted: str
    got: str
    kept: bool


@dataclass(frozen=True)
class MonoBand:
    """What folding to mono costs in a band: the level of (L + R) / 2 over the mean of L and R, 0 dB for mono."""

    name: str
    low_hz: float
    high_hz: float
    loss_db: float


@dataclass(frozen=True)
class Mono:
    """How a stereo master plays on one loudspeaker.

    Attributes:
        correlation: Of left and right, -1..1.
        bands: From low to high; those without sound are left out.
    """

    correlation: float
    bands: tuple[MonoBand, ...]


@dataclass(frozen=True)
class Balance:
    """Third-octave spectrum before and after, each (27,), dB; the bands are `fxlab.mastering.bands.CENTRES_HZ`."""

    before_db: np.ndarray
    after_db: np.ndarray
