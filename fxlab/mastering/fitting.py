"""From a wanted curve to the bells of an equaliser that draw it."""

from __future__ import annotations

import numpy as np

from fxlab.audio import biquad
from fxlab.audio.bands import CENTRES_HZ
from fxlab.effects.eq import PEAKS
from fxlab.mastering.chain import Peak

LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
HIGHEST_DB = 12.0
"""No bell does more than this, whatever is wanted."""

_OVERLAP = 1.5  # bandwidth of a bell over the distance to the next one
_RIDGE = 0.02  # keeps bells beside each other from working against each other
_ROUNDS = 6
_NIL_DB = 0.02


def peaks_for(curve_db: np.ndarray, sample_rate_hz: int, count: int = PEAKS) -> tuple[Peak, ...]:
    """Bells at fixed, logarithmically spaced centres whose gains fit a curve best, in the least-squares sense.

    A bell's shape depends on its gain only a little, so the fit is a linear one, repeated with the shapes that it led to.

    Args:
        curve_db: Wanted gain in every band of `CENTRES_HZ`, shape (27,). What is wanted beyond 0.45 of the rate is ignored.
        sample_rate_hz: Rate at which the equaliser will run.
        count: Bells at most, up to ten.

    Returns:
        Those that do something, from low to high.
    """
    audible = 0.45 * sample_rate_hz >= CENTRES_HZ
    hz, wanted = CENTRES_HZ[audible], np.asarray(curve_db, np.float64)[audible]
    centres = np.geomspace(LOWEST_HZ, min(HIGHEST_HZ, 0.42 * sample_rate_hz), count)
    q = 1.0 / (_OVERLAP * np.log2(centres[1] / centres[0])) if count > 1 else 0.7
    gains = np.zeros(count)
    for _ in range(_ROUNDS):
        shapes = np.stack([_shape(centre, gain, q, hz, sample_rate_hz) for centre, gain in zip(centres, gains, strict=True)], 1)
        gains = np.linalg.solve(shapes.T @ shapes + _RIDGE * np.eye(count), shapes.T @ wanted)
        gains = np.clip(gains, -HIGHEST_DB, HIGHEST_DB)
    return tuple(
        Peak(round(float(centre), 1), round(float(gain), 2), round(float(q), 3))
        for centre, gain in zip(centres, gains, strict=True)
        if abs(gain) > _NIL_DB
    )


def drawn_by(peaks: tuple[Peak, ...], sample_rate_hz: int) -> np.ndarray:
    """Gain in dB that bells make in every band of `CENTRES_HZ`, (27,); bands beyond half the rate have that just under it."""
    hz = np.minimum(CENTRES_HZ, 0.49 * sample_rate_hz)
    sections = [biquad.peaking(min(one.freq_hz, 0.49 * sample_rate_hz), one.gain_db, one.q, sample_rate_hz) for one in peaks]
    return 20 * np.log10(np.abs(biquad.response(np.array(sections).reshape(-1, 5), hz, sample_rate_hz)))


def smoothed(curve_db: np.ndarray, bands: float = 1.5) -> np.ndarray:
    """A curve (27,) averaged over its neighbours by a Gaussian of that standard deviation, in bands; ends weigh what is there."""
    apart = np.arange(len(curve_db))
    weights = np.exp(-0.5 * ((apart[:, None] - apart) / bands) ** 2)
    return weights @ np.asarray(curve_db, np.float64) / weights.sum(axis=1)


def _shape(centre_hz: float, gain_db: float, q: float, hz: np.ndarray, rate_hz: float) -> np.ndarray:
    """Response of a bell in dB over its gain, at `hz`."""
    gain_db = gain_db if abs(gain_db) > 0.1 else 0.1
    section = biquad.peaking(centre_hz, gain_db, q, rate_hz)
    return 20 * np.log10(np.abs(biquad.response(section, hz, rate_hz))) / gain_db
