"""From the equaliser's parameters to its cascade of sections, and its response."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fxlab.audio import biquad
from fxlab.effects.eq import EFFECT, HIGHPASS_OFF_HZ, LOWPASS_OFF_HZ, PEAKS


def designs(xp, values: Mapping, rate_hz: float, keep_flat: bool) -> dict:
    """The sections of all bands that are on, by name, in signal order; each has shape (5,).

    Args:
        xp: `numpy` or `torch`, whose arrays the values are.
        values: Every parameter by name.
        rate_hz: Sample rate; frequencies are taken as 0.49 of it at most.
        keep_flat: Whether bands at 0 dB are kept; they change nothing, but their gains have a gradient.
    """
    found = {}

    def hz(name):
        return values[name].clip(max=biquad.HIGHEST * rate_hz)

    def band(design, name, q):
        gain_db = values[f"{name}_db"]
        if keep_flat or gain_db != 0.0:
            found[name] = design(xp, hz(f"{name}_hz"), gain_db, q, rate_hz)

    if values["highpass_hz"] > HIGHPASS_OFF_HZ:
        found["highpass"] = biquad.design_highpass(xp, hz("highpass_hz"), biquad.BUTTERWORTH_Q, rate_hz)
    band(biquad.design_low_shelf, "low_shelf", biquad.BUTTERWORTH_Q)
    for name in (f"peak{number}" for number in range(1, PEAKS + 1)):
        band(biquad.design_peaking, name, values[f"{name}_q"])
    band(biquad.design_high_shelf, "high_shelf", biquad.BUTTERWORTH_Q)
    if values["lowpass_hz"] < LOWPASS_OFF_HZ:
        found["lowpass"] = biquad.design_lowpass(xp, hz("lowpass_hz"), biquad.BUTTERWORTH_Q, rate_hz)
    return found


def bands(parameters: Mapping[str, object], rate_hz: float) -> dict[str, np.ndarray]:
    """`designs` for some parameters, the others at their defaults; none when nothing is changed.

    Raises:
        UsageError: An unknown parameter or a value out of range.
    """
    values = {name: np.float64(value) for name, value in EFFECT.resolve(parameters).items()}
    return designs(np, values, rate_hz, keep_flat=False)


def sections(parameters: Mapping[str, object], rate_hz: float) -> np.ndarray:
    """`bands` as a cascade (n, 5)."""
    return np.array([*bands(parameters, rate_hz).values()]).reshape(-1, 5)


def response_db(parameters: Mapping[str, object], freqs_hz: np.ndarray, rate_hz: float) -> np.ndarray:
    """Gain in dB at each frequency (0 <= f < rate / 2), same shape as `freqs_hz`; -inf where a filter has its zero."""
    with np.errstate(divide="ignore"):
        return 20.0 * np.log10(np.abs(biquad.response(sections(parameters, rate_hz), freqs_hz, rate_hz)))
