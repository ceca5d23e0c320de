"""From ACE's parameters to the numbers that all its forms work with; written once for NumPy and torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.audio import biquad
from fxlab.effects.ace import MACRO_BANDS
from fxlab.effects.ace.bank import Bank

FLOOR = -math.log(1e10)
"""Lowest logarithm of the factor of lateral inhibition, and of expansion: -200 dB."""
ADAPT_S = 1.0
"""Time over which `adapt` listens."""
CONTRAST_DB, CONTRAST_SPREAD_DB = 3.0, 2.0
TRANSIENT, TRANSIENT_SPREAD = 0.02, 0.02
"""Spectral contrast and share of transients at which `adapt` changes nothing, and how far off it takes to change much: about the
median and half the spread of music, single instruments and speech (of five such groups alike, 16 to 84 %: 2.1, 3.1, 5.4 dB and
0.001, 0.017, 0.059)."""

_SYNTHDEF = 3.0
_QUICKEST_S = 1e-5


@dataclass(frozen=True)
class Design:
    """Numbers of one setting: NumPy or torch, float64; those per band have shape (K,), `highpass` and `tce_highpass` (5,).

    One-poles are named by the share of the last value that they keep, `rise` while rising and `fall` while falling; those of
    TCE are updated every sample, all others every interval.

    Args:
        detector: Factor on |z|^2 in a band's power: its filter's gain and the shelf, squared.
        noise: The noise floor's power in a band.
        neighbours: (K, K), w.
        ex_threshold: Natural logarithm of the ratio.
        bands: Factors on the bands, of the filters' gain, too.
    """

    highpass: Any
    tce_highpass: Any
    tce_rise: Any
    tce_fall: Any
    tce_threshold: Any
    detector: Any
    noise: Any
    delta: Any
    li: Any
    li_strength: Any
    neighbours: Any
    ex: Any
    ex_strength: Any
    ex_threshold: Any
    dp_rise: Any
    dp_fall: Any
    gain: Any
    sce_share: Any
    mix: Any
    output: Any
    bands: Any
    adapting: float


def design(xp: Any, values: Mapping[str, Any], bank: Bank, rate_hz: float, bands_db: Any = None) -> Design:
    """The numbers of a setting.

    Args:
        xp: `numpy` or `torch`, whose float64 scalars the learnable values are.
        values: Every parameter by name.
        bank: Its filterbank.
        bands_db: Gains of the single bands (K,) in place of those of the eight groups.
    """

    def fixed(array):
        if xp is np:
            return array
        return xp.as_tensor(np.array(array), dtype=values["mix"].dtype, device=values["mix"].device)

    def hz(name):
        return values[name].clip(max=biquad.HIGHEST * rate_hz)

    def keep(seconds, updates_hz=rate_hz / bank.interval):
        return xp.exp(-1.0 / (seconds * updates_hz))

    slower = _SYNTHDEF if values["time_constants"] == "synthdef" else 1.0
    q = biquad.BUTTERWORTH_Q
    centres_hz, erb, gains = fixed(bank.centres_hz), fixed(bank.erb), fixed(bank.gains)
    angles = fixed(2.0 * np.pi * np.minimum(bank.centres_hz / rate_hz, 0.5))
    shelf = _power(xp, biquad.design_high_shelf(xp, hz("shelf_hz"), values["shelf_db"], values["shelf_q"], rate_hz), angles)
    distance = (erb[:, None] - erb[None, :]) / values["li_width_erb"]
    near = xp.exp(-0.5 * distance**2) * fixed(1.0 - np.eye(len(bank.erb)))
    # T60 is ln(1000) time constants; at 10 us nothing is left after an interval.
    decay_s = (values["dp_decay_s"] / math.log(1000.0) * (values["dp_cutoff_hz"] / centres_hz).clip(max=1.0)).clip(
        min=_QUICKEST_S
    )
    if bands_db is None:
        bands_db = fixed(groups(bank)) @ xp.stack([values[f"band{n}_db"] for n in range(1, MACRO_BANDS + 1)])
    return Design(
        highpass=biquad.design_highpass(xp, hz("highpass_hz"), q, rate_hz),
        tce_highpass=biquad.design_highpass(xp, hz("tce_highpass_hz"), q, rate_hz),
        tce_rise=keep(slower * 1e-3 * values["tce_attack_ms"], rate_hz),
        tce_fall=keep(slower * 1e-3 * values["tce_decay_ms"], rate_hz),
        tce_threshold=decibels(values["tce_threshold_db"]),
        detector=gains**2 * shelf,
        noise=decibels(values["noise_floor_db"]) ** 2 * fixed(bank.noise),
        delta=decibels(values["delta_db"]),
        li=keep(1e-3 * values["li_smoothing_ms"]),
        li_strength=values["li_strength"],
        neighbours=near / near.sum(-1)[:, None],
        ex=keep(1e-3 * values["ex_smoothing_ms"]),
        ex_strength=values["ex_strength"],
        ex_threshold=values["ex_threshold_db"] * (math.log(10.0) / 20.0),
        dp_rise=keep(slower * 1e-3 * values["dp_attack_ms"]),
        dp_fall=keep(decay_s),
        gain=keep(1e-3 * values["gain_smoothing_ms"]),
        sce_share=values["sce_share"],
        mix=values["mix"],
        output=decibels(values["output_db"]),
        bands=gains * decibels(bands_db - bands_db.mean()),
        adapting=math.exp(-bank.interval / (ADAPT_S * rate_hz)),
    )


def decibels(level_db):
    """Decibels to a factor on amplitudes."""
    return 10.0 ** (level_db / 20.0)


def groups(bank: Bank) -> np.ndarray:
    """(K, 8): how much of each group's gain a band gets, linear between the groups' middles on the ERB scale."""
    edges = np.linspace(bank.erb[0], bank.erb[-1], MACRO_BANDS + 1)
    middles = (edges[:-1] + edges[1:]) / 2.0
    return np.array([np.interp(bank.erb, middles, unit) for unit in np.eye(MACRO_BANDS)]).T


def _power(xp, section, angles):
    """A section's power response at angular frequencies in radians per sample."""
    c1, c2 = xp.cos(angles), xp.cos(2.0 * angles)
    b0, b1, b2, a1, a2 = (section[..., i] for i in range(5))

    def power(x0, x1, x2):
        return x0 * x0 + x1 * x1 + x2 * x2 + 2.0 * (x0 * x1 + x1 * x2) * c1 + 2.0 * x0 * x2 * c2

    return power(b0, b1, b2) / power(1.0, a1, a2)
