"""What was found about one recorded pair, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fxlab.audio.alignment import Alignment


@dataclass(frozen=True)
class PairReport:
    """Figures of one pair; times are those of the dry recording, samples at its rate.

    Args:
        dry: Name of the dry file.
        wet: Name of the wet file.
        dry_rate_hz: Rate of the dry file.
        wet_rate_hz: Rate that the wet file's header states.
        true_rate_hz: Rate at which the wet file was recorded; another only where its header is wrong.
        delay_samples: Of the device's first answer behind the dry sound, at the beginning; negative: the wet file starts later.
        delay_ms: The same in milliseconds.
        removed_samples: What was taken away of it; the rest is a guard, so that no answer comes before its cause.
        own_delay_samples: From the device's first to its strongest answer; that stays, it belongs to the device.
        drift_ppm: Of the wet clock against the dry one, in parts per million; undone by resampling.
        drift_error_ppm: Its standard error.
        drift_samples: What the drift amounts to over the whole recording.
        jumps: Where the delay jumps (`at_s`) and by how many `samples`.
        polarity: "kept" or "inverted"; left as it is.
        gain_db: RMS of the wet over the dry recording; left as it is.
        wet_peak_db: Largest sample of the wet file.
        wet_flat_tops: Stretches of three equal samples or more at its largest or smallest value.
        wet_clipped_share: Part of its samples on them.
        wet_clips_at_full_scale: Whether that value is the largest that a file or converter holds; else the device makes it.
        dry_flat_tops: As for the wet file.
        dropouts: Stretches (`from_s`, `to_s`) in which the wet recording is silent or repeats a buffer (`kind`).
        noise_db: RMS of the wet recording's noise in dB of full scale, None where there is none.
        noise_heard_in: "silence" of the dry recording, or "residue": no more than what nothing explains.
        best_esr: Energy of the noise over that of the wet recording: the best ESR that a model can be hoped to reach.
        linear: Share of the wet energy that a linear device explains.
        predictable: Share that a linear or bent one explains.
        used_s: Length of what is fit for use.
        dry_s: Length of the dry recording.
        stretches: What is fit for use (`from_s`, `to_s`).
        picture: The picture's file name, None where there is none.
    """

    dry: str
    wet: str
    dry_rate_hz: float
    wet_rate_hz: float
    true_rate_hz: float
    delay_samples: float
    delay_ms: float
    removed_samples: float
    own_delay_samples: int
    drift_ppm: float
    drift_error_ppm: float
    drift_samples: float
    jumps: list[dict[str, float]]
    polarity: str
    gain_db: float
    wet_peak_db: float
    wet_flat_tops: int
    wet_clipped_share: float
    wet_clips_at_full_scale: bool
    dry_flat_tops: int
    dropouts: list[dict[str, Any]]
    noise_db: float | None
    noise_heard_in: str
    best_esr: float
    linear: float
    predictable: float
    used_s: float
    dry_s: float
    stretches: list[dict[str, float]]
    picture: str | None = None


def report(dry: str, wet: str, found: Alignment, frames: int, picture: str | None = None) -> PairReport:
    """The figures of an alignment.

    Args:
        dry: Name of the dry file.
        wet: Name of the wet file.
        found: Its alignment.
        frames: Length of the dry recording.
        picture: File name of the picture.
    """
    rate = found.rate
    dropouts = [(a, b, "silent") for a, b in found.dead] + [(a, b, "repeated") for a, b in found.repeated]
    return PairReport(
        dry=dry,
        wet=wet,
        dry_rate_hz=rate,
        wet_rate_hz=found.header_rate,
        true_rate_hz=round(found.header_rate * found.ratio, 3),
        delay_samples=round(found.delay, 3),
        delay_ms=round(1000 * found.delay / rate, 4),
        removed_samples=round(found.delay - found.guard, 3),
        own_delay_samples=found.own_delay,
        drift_ppm=round(found.drift_ppm, 3),
        drift_error_ppm=round(1e6 * found.clock.drift_error, 3),
        drift_samples=round(1e-6 * found.drift_ppm * frames, 2),
        jumps=[{"at_s": round(place / rate, 3), "samples": round(by, 2)} for place, by in found.jumps],
        polarity="kept" if found.polarity > 0 else "inverted",
        gain_db=round(found.gain_db, 2),
        wet_peak_db=round(found.clipping.peak_db, 2),
        wet_flat_tops=found.clipping.tops,
        wet_clipped_share=found.clipping.share,
        wet_clips_at_full_scale=found.clipping.at_full_scale,
        dry_flat_tops=found.dry_clipping.tops,
        dropouts=[{"from_s": round(a / rate, 4), "to_s": round(b / rate, 4), "kind": kind} for a, b, kind in sorted(dropouts)],
        noise_db=round(found.noise.level_db, 1) if found.noise.level_db > -280 else None,
        noise_heard_in=found.noise.source,
        best_esr=found.noise.esr,
        linear=found.predictable.linear,
        predictable=found.predictable.bent,
        used_s=round(sum(b - a for a, b in found.stretches) / rate, 3),
        dry_s=round(frames / rate, 3),
        stretches=[{"from_s": round(a / rate, 4), "to_s": round(b / rate, 4)} for a, b in found.stretches],
        picture=picture,
    )
