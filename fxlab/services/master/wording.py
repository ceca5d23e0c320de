"""What is told of a master in words and figures, in the terminal and on its page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.codecs import Decoded
from fxlab.mastering.chain import Chain
from fxlab.mastering.delivered import Delivered
from fxlab.wording import counted, figure

_RANGES = (("bass", 0, 120), ("low mids", 120, 500), ("mids", 500, 2000), ("high mids", 2000, 6000), ("treble", 6000, 20_000))
_UNCHANGED_DB, _SMALL_DB = 0.05, 0.25


def measures(masters: Sequence[Delivered]) -> Iterator[tuple[str, str, list[str]]]:
    """What was measured of a song and its masters: the measure, its unit, before and after each."""
    for label, name, unit in (
        ("loudness", "integrated_lufs", "LUFS"),
        ("loudest 3 s", "short_term_max_lufs", "LUFS"),
        ("loudness range", "range_lu", "LU"),
        ("true peak", "true_peak_db", "dBTP"),
        ("peak to loudness", "plr_db", "dB"),
    ):
        yield label, unit, [shown(getattr(one, name)) for one in (masters[0].before, *(master.after for master in masters))]


def lines(master: Delivered, part_s: float | None) -> Iterator[tuple[str, str]]:
    """What is told of one master besides its figures."""
    yield "done", "; ".join(done(master.chain, master.peak_reduction_db)) or "nothing"
    if math.isfinite(master.after.integrated_lufs - master.before.integrated_lufs):
        yield "balance", _balance(master)
    if master.mono is not None:
        losses = ", ".join(f"{band.name} {0.0 - round(band.loss_db, 1):.1f} dB" for band in master.mono.bands)
        yield "in mono", f"{losses} (correlation {master.mono.correlation:.2f})" if losses else "nothing is lost"
    if master.codecs and math.isfinite(master.after.sample_peak_db):
        tried = [] if part_s is None or master.after.seconds <= part_s else [f"({part_s:g} s, where the limiter works most)"]
        yield "as lossy", "\n".join([*(decoded(name, found) for name, found in master.codecs.items()), *tried])
    if master.platforms:
        yield "played by", "\n".join(_platforms(master))


def done(chain: Chain, reduction_db: float) -> Iterator[str]:
    """What a chain does, a phrase for each stage that does something."""
    played = [peak for peak in chain.peaks if peak.gain_db]
    bells = [f"{peak.gain_db:+.1f} dB at {_hz(peak.freq_hz)}" for peak in played if abs(peak.gain_db) >= _SMALL_DB]
    bells += [f"{counted(len(played) - len(bells), 'bell')} under {_SMALL_DB:g} dB"] if len(bells) < len(played) else []
    rest, shelves = dict(chain.tone), []
    for name, side in (("low_shelf", "below"), ("high_shelf", "above")):
        if f"{name}_hz" in rest and f"{name}_db" in rest:
            shelves.append(f"{rest.pop(f'{name}_db'):+.1f} dB {side} {_hz(rest.pop(f'{name}_hz'))}")
    if "highpass_hz" in rest:
        shelves.insert(0, f"high-pass at {_hz(rest.pop('highpass_hz'))}")
    others = [f"{name} {figure(value) if isinstance(value, float) else value}" for name, value in rest.items()]
    if bells or shelves or others:
        yield f"equaliser {', '.join(shelves + bells + others)}"
    if chain.dynamics:
        values = chain.dynamics
        yield f"compressor {figure(float(values['ratio']))}:1 above {float(values.get('threshold_db', -18.0)):.0f} dB"
    if chain.width:
        low = f", of the bass × {figure(float(chain.width['low_width']))}" if "low_width" in chain.width else ""
        yield f"width × {figure(float(chain.width.get('width', 1.0)))}{low}"
    if chain.loudness:
        gain = f"gain {float(chain.loudness.get('gain_db', 0.0)):+.1f} dB"
        yield f"{gain} into the limiter, which takes off up to {reduction_db:.1f} dB" if reduction_db >= 0.05 else gain


def _balance(master: Delivered) -> str:
    """By how much broad ranges changed, at the same loudness: the mean of their third octaves."""
    words = []
    for name, low, high in _RANGES:
        change = float(np.mean(master.balance.change_db[(low <= CENTRES_HZ) & (high > CENTRES_HZ)]))
        if abs(change) >= _UNCHANGED_DB:
            words.append(f"{name} {change:+.1f} dB")
    return ", ".join(words) or "as it was"


def decoded(name: str, found: Decoded | None) -> str:
    """What a lossy codec makes of the peaks."""
    if found is None:
        return f"{name}: can't be tried here"
    overs = f", {counted(found.overs, 'time')} over full scale" if found.overs else ""
    return f"{name}: peaks at {shown(found.true_peak_db)} dBTP{overs}"


def _platforms(master: Delivered) -> list[str]:
    """A line for all services that do the same."""
    alike: dict[str, list[str]] = {}
    for effect in master.platforms:
        alike.setdefault(effect.text.removeprefix(effect.platform).strip(), []).append(effect.platform)
    return [f"{', '.join(names)}: {text}" for text, names in alike.items()]


def _hz(value: float) -> str:
    return f"{figure(value / 1000, 2)} kHz" if value >= 1000 else f"{value:.0f} Hz"


def shown(value: float | None) -> str:
    """One decimal; a dash for what isn't there and for the level of nothing."""
    return f"{round(value, 1) + 0.0:.1f}" if value is not None and math.isfinite(value) else "–"
