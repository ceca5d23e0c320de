"""Characters that can be added to a master, each a few changes to its chain.

warm     lows up and highs down by a shelf each: the balance falls by about 4 dB from bass to treble
bright   the other way round, with a wide bell where consonants and strings are
punchy   a compressor that lets attacks through and lowers what follows them: peaks stand out more above the loudness; music
         without attacks, such as a choir, becomes denser instead
open     sides louder by 2.3 dB, air above 10 kHz, half of the compression
gentle   peaks softened by a fast compressor, so that they stand out less; a touch less treble
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from fxlab.effects.eq import PEAKS
from fxlab.effects.params import Value
from fxlab.errors import UsageError
from fxlab.mastering.analysis import Analysis
from fxlab.mastering.chain import Chain, Peak

_MOST_DB = 12.0
_STRONGEST = 10.0  # ratio
_WIDEST = 2.0


def applied(name: str, chain: Chain, analysis: Analysis) -> Chain:
    """The chain with a preset's character added to what it does already.

    Args:
        name: One of `PRESETS`, or "none".
        chain: Any chain; its loudness stage is left alone.
        analysis: Of the song it is for: thresholds follow its level. A silent one gets the chain back.

    Raises:
        UsageError: No such preset.
    """
    if name == "none":
        return chain
    if name not in PRESETS:
        raise UsageError(f"There is no preset '{name}'.", f"Choose one of: {', '.join(PRESETS)}.")
    return chain if analysis.silent else PRESETS[name](chain, analysis)


def _warm(chain: Chain, analysis: Analysis) -> Chain:
    return _shelved(chain, low_db=1.8, low_hz=200.0, high_db=-2.2, high_hz=4_000.0)


def _bright(chain: Chain, analysis: Analysis) -> Chain:
    return _with_peak(_shelved(chain, low_db=-0.8, low_hz=150.0, high_db=2.2, high_hz=6_000.0), Peak(3_500.0, 0.8, 0.6))


def _punchy(chain: Chain, analysis: Analysis) -> Chain:
    # Below the usual loudness: it works all the time but during attacks.
    below = {"threshold_db": analysis.programme.integrated_lufs - 4.0, "knee_db": 6.0}
    squeezed = _compressed(chain, {**below, "ratio": 1.8, "attack_ms": 80.0, "release_ms": 150.0})
    return _shelved(squeezed, low_db=0.7, low_hz=90.0, high_db=0.0, high_hz=8_000.0)


def _open(chain: Chain, analysis: Analysis) -> Chain:
    width = {**chain.width, "width": min(_WIDEST, 1.3 * float(chain.width.get("width", 1.0)))}
    dynamics = dict(chain.dynamics)
    if dynamics:
        dynamics["ratio"] = 1.0 / (1.0 - 0.5 * (1.0 - 1.0 / float(dynamics.get("ratio", 2.0))))
    return _shelved(
        dataclasses.replace(chain, width=width, dynamics=dynamics), low_db=0.0, low_hz=100.0, high_db=1.5, high_hz=9_000.0
    )


def _gentle(chain: Chain, analysis: Analysis) -> Chain:
    peaks = {"threshold_db": analysis.programme.sample_peak_db - 9.0, "knee_db": 6.0}
    return _shelved(
        _compressed(chain, {**peaks, "ratio": 2.0, "attack_ms": 0.2, "release_ms": 60.0}),
        low_db=0.0,
        low_hz=100.0,
        high_db=-0.8,
        high_hz=7_000.0,
    )


PRESETS: Mapping[str, Callable[[Chain, Analysis], Chain]] = {
    "warm": _warm,
    "bright": _bright,
    "punchy": _punchy,
    "open": _open,
    "gentle": _gentle,
}

SAYS: Mapping[str, str] = {
    "warm": "up to 1.8 dB more below 200 Hz, up to 2.2 dB less above 4 kHz",
    "bright": "up to 2.2 dB more above 6 kHz, 0.8 dB around 3.5 kHz, 0.8 dB less below 150 Hz",
    "punchy": "attacks are let through and what follows them lowered (1.8:1, 80 ms), 0.7 dB more below 90 Hz",
    "open": "sides 2.3 dB louder, up to 1.5 dB more above 9 kHz, half of the compression",
    "gentle": "peaks softened (2:1, 0.2 ms), up to 0.8 dB less above 7 kHz",
}
"""What each adds, in words."""


def _shelved(chain: Chain, *, low_db: float, low_hz: float, high_db: float, high_hz: float) -> Chain:
    """Adds shelves; one that the chain has keeps its place and gets the gain."""
    tone: dict[str, Value] = dict(chain.tone)
    for name, gain_db, hz in (("low_shelf", low_db, low_hz), ("high_shelf", high_db, high_hz)):
        if gain_db:
            tone.setdefault(f"{name}_hz", hz)
            tone[f"{name}_db"] = max(-_MOST_DB, min(_MOST_DB, float(tone.get(f"{name}_db", 0.0)) + gain_db))
    return dataclasses.replace(chain, tone=tone)


def _with_peak(chain: Chain, peak: Peak) -> Chain:
    """Adds a bell where there is room for one."""
    if len([one for one in chain.peaks if one.gain_db]) >= PEAKS:
        return chain
    return dataclasses.replace(chain, peaks=(*chain.peaks, peak))


def _compressed(chain: Chain, settings: Mapping[str, float]) -> Chain:
    """Compresses by the settings; a chain that does already keeps its threshold, ratios multiply, times are the new ones."""
    threshold = float(chain.dynamics.get("threshold_db", settings["threshold_db"]))
    ratio = float(settings["ratio"]) * float(chain.dynamics.get("ratio", 1.0))
    dynamics = {**chain.dynamics, **settings}
    dynamics |= {"threshold_db": round(max(-60.0, min(0.0, threshold)), 1), "ratio": min(_STRONGEST, ratio)}
    return dataclasses.replace(chain, dynamics=dynamics)
