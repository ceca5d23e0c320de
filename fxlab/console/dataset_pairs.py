"""How `fxlab dataset` tells what it found about recorded pairs: each thing measured, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from fxlab.console import output
from fxlab.console.tables import table
from fxlab.services.pair_report import PairReport

_HIGH_NOISE_ESR = 0.01


def show_pair(one: PairReport) -> None:
    """A table of findings, then what was done and what the user should do."""
    out = output.out()
    out.print(table(f"{one.wet} against {one.dry}", ("measured", "found"), _findings(one)))
    for text in _done(one):
        output.note(text)
    for text in _advice(one):
        output.warn(text)


def _findings(one: PairReport) -> Iterator[tuple[str, str]]:
    own = f"; its strongest answer comes {_samples(one.own_delay_samples)} later" if one.own_delay_samples else ""
    yield "delay", f"{_samples(one.delay_samples)} ({one.delay_ms:.3f} ms) to the device's first answer{own}"
    yield "polarity", one.polarity
    yield "gain", f"{one.gain_db:+.2f} dB"
    if one.true_rate_hz != one.wet_rate_hz:
        yield "sample rate", f"the wet file says {one.wet_rate_hz:g} Hz, but was recorded at {one.true_rate_hz:g} Hz"
    elif one.wet_rate_hz != one.dry_rate_hz:
        yield "sample rate", f"wet {one.wet_rate_hz:g} Hz, dry {one.dry_rate_hz:g} Hz"
    else:
        yield "sample rate", f"{one.dry_rate_hz:g} Hz, both"
    if one.drift_ppm:
        whole = f"{_samples(abs(one.drift_samples))} over the whole recording"
        yield "clock drift", f"{one.drift_ppm:+.2f} ± {one.drift_error_ppm:.2g} ppm, {whole}"
    else:
        yield "clock drift", f"none (± {one.drift_error_ppm:.2g} ppm): one clock"
    for jump in one.jumps:
        yield "jump", f"the delay jumps by {_samples(jump['samples'])} before {jump['at_s']:.2f} s"
    yield "clipping, wet", _clipping(one)
    yield "clipping, dry", f"{one.dry_flat_tops:,} flat tops" if one.dry_flat_tops else "none"
    yield "dropouts", _dropouts(one)
    if one.noise_db is None:
        yield "noise", "none"
    elif one.noise_heard_in == "silence":
        yield "noise", f"{one.noise_db:.1f} dB of full scale, heard while the dry recording is silent"
    else:
        yield "noise", f"at most {one.noise_db:.1f} dB of full scale: what nothing explains, as the dry recording is never silent"
    bound = "" if one.noise_heard_in == "silence" else " or better"
    yield "best ESR to hope for", f"{_percent(one.best_esr)}{bound}"
    yield "explained by the dry side", f"{_percent(one.predictable)}, of that {_percent(one.linear)} by a linear device"
    yield "fit for use", f"{one.used_s:.1f} of {one.dry_s:.1f} s"


def _clipping(one: PairReport) -> str:
    if not one.wet_flat_tops:
        return f"none, peak {one.wet_peak_db:.1f} dB"
    where = "at full scale" if one.wet_clips_at_full_scale else f"at {one.wet_peak_db:.1f} dB, the device's own"
    return f"{one.wet_flat_tops:,} flat tops {where}, {_percent(one.wet_clipped_share)} of the time"


def _dropouts(one: PairReport) -> str:
    if not one.dropouts:
        return "none"
    shown = [
        f"{drop['kind']} at {drop['from_s']:.3f} s for {1000 * (drop['to_s'] - drop['from_s']):.0f} ms" for drop in one.dropouts
    ]
    return "; ".join(shown[:4]) + (f"; and {len(shown) - 4} more" if len(shown) > 4 else "")


def _done(one: PairReport) -> Iterator[str]:
    moved = "earlier" if one.removed_samples > 0 else "later"
    resampled = " and resampled to the dry clock" if one.drift_ppm or one.true_rate_hz != one.dry_rate_hz else ""
    if one.removed_samples:
        text = f"The wet side was moved {_samples(abs(one.removed_samples))} {moved}{resampled}; "
    else:
        text = f"The wet side stays where it was{resampled}; "
    left = _samples(round(one.delay_samples - one.removed_samples))
    yield text + f"its answer is left {left} behind the dry sound, lest it come before its cause. Gain and polarity stay."
    if one.used_s < one.dry_s - 0.01:
        yield f"{one.dry_s - one.used_s:.2f} s are left out: what isn't on both sides, is broken or is clipped."
    if one.picture:
        yield f"Picture: {one.picture} in the dataset's folder."


def _advice(one: PairReport) -> Iterator[str]:
    if one.true_rate_hz != one.wet_rate_hz:
        yield f"The header of {one.wet} is wrong: it plays at the wrong pitch elsewhere. Export it at {one.true_rate_hz:g} Hz."
    if one.delay_samples < -0.5:
        yield f"{one.wet} begins later than {one.dry}. If that surprises you, check that dry and wet are not swapped."
    if one.polarity == "inverted":
        yield "The wet side is upside down. A model will be too; invert the file if the device doesn't do that."
    if one.wet_flat_tops and one.wet_clips_at_full_scale:
        yield "The wet recording clips: record it again at a lower input gain, unless the device itself ends at full scale."
    if one.dropouts or one.jumps:
        yield "The recording lost buffers. Record again with a larger buffer if much of it is left out."
    if abs(one.drift_ppm) > 0.5:
        yield "Two clocks were at work. Playing and recording on one interface needs no resampling."
    if one.noise_heard_in == "silence" and one.best_esr > _HIGH_NOISE_ESR:
        yield f"Noise alone makes an ESR of {_percent(one.best_esr)}; no model can do better. Record louder or with less noise."


def _samples(count: float) -> str:
    text = f"{count:,.2f}".rstrip("0").rstrip(".") if isinstance(count, float) else f"{count:,}"
    return f"{text} sample" if text in ("1", "-1") else f"{text} samples"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
