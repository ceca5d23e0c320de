"""How listeners would rate a copy of a guitar amplifier: a MUSHRA rating predicted from the distance of the MFCCs.

The mapping and the preparation of the audio are those that A. Wright et al. publish with their listening test (github.com/
Alec-Wright/amp-emulation-metrics: `utils/sim_pred.py`, `utils/misc.py`, `example_usage.ipynb`): clips of 3 s at 44.1 kHz, the
reference at -16 LUFS, the emulation with the same gain, and d the mean absolute difference of 20 MFCCs (`fxlab.metrics.mfcc`):

    rating = 100                                 where log10 d <= 0.464
             100 - 69.4 (log10 d - 0.464)        elsewhere, here at least 0

It was fitted to clips of electric guitar through amplifiers and distortion pedals, and holds for such alone. 100 says that
listeners would not tell the copy from the original; how near it is beyond that, `Prediction.distance` and the ESR say. Of a
difference in level alone (1 dB moves d by 0.57) it forgives 5 dB. The published examples rate from 42 to 100: a network that
failed altogether is nothing those listeners heard, and may still be given 50. Read it beside the ESR, not in its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxlab.audio.loudness import integrated_lufs
from fxlab.audio.resampling import resample
from fxlab.metrics.mfcc import HOP, SIZE, mfcc

RATE_HZ, CLIP_S, LOUDNESS_LUFS = 44_100, 3.0, -16.0
SHORTEST_S = 1.0
"""What is shorter says nothing."""
HEARD_FROM = 10**0.464
"""The distance from which on a difference is heard."""
_PER_DECADE = 69.4
_SILENT_DB = -40.0  # below the loudest


@dataclass(frozen=True)
class Prediction:
    """What listeners would say.

    Args:
        mushra: 0 (bad) to 100 (like the original).
        distance: L1 distance of the MFCCs; 0 for equal signals, heard from 2.91 on; infinite where the output isn't finite.
    """

    mushra: float
    distance: float


def predict(target: np.ndarray, output: np.ndarray, rate_hz: int) -> Prediction | None:
    """The rating of an output against its target, averaged over clips.

    From the first sound on, audio is cut into clips of 3 s; a rest counts from 1 s on, by its length. Clips whose target is 40 LU
    quieter than the loudest, or below -70 LUFS, are left out. Shorter audio than 3 s is one clip, not lengthened with zeros
    (which the publication does, and which flatters).

    Args:
        target: Shape (frames,), finite, any float type.
        output: The same shape, with the same delay.
        rate_hz: Their sample rate.

    Returns:
        None where the target is silent, or shorter than 1 s from its first sound on.

    Raises:
        ValueError: Different shapes, or more than one channel.
    """
    if np.ndim(target) != 1 or np.shape(target) != np.shape(output):
        raise ValueError(f"target and output must be (frames,), not {np.shape(target)} and {np.shape(output)}")
    target, output = (resample(audio, rate_hz, RATE_HZ) for audio in (target, output))
    clips = _clips(target)
    loudness = [integrated_lufs(target[clip], RATE_HZ) for clip in clips]
    heard = [(clip, lufs) for clip, lufs in zip(clips, loudness, strict=True) if lufs > max(loudness) + _SILENT_DB]
    if not heard:
        return None
    if not np.isfinite(output).all():
        return Prediction(0.0, math.inf)
    distances = [_distance(target[clip], output[clip], lufs) for clip, lufs in heard]
    lengths = [clip.stop - clip.start for clip, _ in heard]
    mean_rating = float(np.average([rating(distance) for distance in distances], weights=lengths))
    return Prediction(mean_rating, float(np.average(distances, weights=lengths)))


def rating(distance: float) -> float:
    """The published mapping of an MFCC L1 distance (0 or more) to a rating of 0..100."""
    if distance <= HEARD_FROM:
        return 100.0
    return max(0.0, 100.0 - _PER_DECADE * math.log10(distance / HEARD_FROM))


def _clips(target: np.ndarray) -> list[slice]:
    size = round(CLIP_S * RATE_HZ)
    starts = range(_first_sound(target), len(target), size)
    clips = [slice(start, min(start + size, len(target))) for start in starts]
    return [clip for clip in clips if clip.stop - clip.start >= SHORTEST_S * RATE_HZ]


def _first_sound(target: np.ndarray) -> int:
    """The first sample of the frame where the RMS comes within 40 dB of the loudest frame's; where none does, the end."""
    energy = np.concatenate([[0.0], np.cumsum(np.pad(target, SIZE // 2).astype(np.float64) ** 2)])
    frames = (energy[SIZE:] - energy[:-SIZE])[::HOP]
    heard = np.flatnonzero(frames > frames.max() * 10 ** (_SILENT_DB / 10))
    return int(heard[0]) * HOP if len(heard) else len(target)


def _distance(target: np.ndarray, output: np.ndarray, lufs: float) -> float:
    gain = 10 ** ((LOUDNESS_LUFS - lufs) / 20)
    return float(np.mean(np.abs(mfcc(gain * target, RATE_HZ) - mfcc(gain * output, RATE_HZ))))
