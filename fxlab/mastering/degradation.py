"""Takes released songs apart a little, so that the way back can be learnt and judged.

Equalisation, upward expansion, width, mild clipping and a lower level, as a mix that waits for its mastering has them; some
songs are left as they are. After the recipes of DeepAFx-ST (Steinmetz et al. 2022), e2e remastering (Koo et al. 2022) and
SonicMaster (2025), with the smaller ranges that mastering moves in.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numba import njit

from fxlab.audio import biquad
from fxlab.audio.bands import CENTRES_HZ

EQ_DB = 6.0
_EDGES_HZ = np.geomspace(60.0, 12_000.0, 6)  # one band of the equaliser between each two
_Q = (0.5, 2.0)
_WIDTH = (0.3, 1.5)
_SLOPE = 0.5  # of expansion: dB more for each dB above the threshold
_LOUDER_DB = 6.0  # and not more than this
_CLIP_DB = (1.0, 4.0)  # below the peak
_PEAK_DB = (-14.0, -1.0)  # where the peak ends up: room is left for mastering
_FOLLOW_S = 0.02, 0.2


@dataclass(frozen=True)
class Degradation:
    """What is done to a song.

    Attributes:
        freq_hz, gain_db, q: Of the five bands, shape (5,) each: low shelf, three bells, high shelf (shelves have no q).
        slope: Expansion in dB per dB above the song's usual level, 0 for none.
        width: Factor of the side.
        clip_db: Depth below its peak at which the song is clipped, 0 for no clipping.
        peak_db: Peak that the result is brought to; None keeps the level.
    """

    freq_hz: tuple[float, ...] = ()
    gain_db: tuple[float, ...] = ()
    q: tuple[float, ...] = ()
    slope: float = 0.0
    width: float = 1.0
    clip_db: float = 0.0
    peak_db: float | None = None

    @property
    def untouched(self) -> bool:
        return self == Degradation()

    def sections(self, rate_hz: float) -> np.ndarray:
        """The equaliser's biquads, (5, 5) or none: (0, 5)."""
        kinds = [_low_shelf, biquad.peaking, biquad.peaking, biquad.peaking, _high_shelf]
        found = [design(*band, rate_hz) for design, *band in zip(kinds, self.freq_hz, self.gain_db, self.q, strict=False)]
        return np.array(found).reshape(-1, 5)

    def response_db(self, rate_hz: float = 44_100.0) -> np.ndarray:
        """Of the equaliser, in every band of `CENTRES_HZ` under half the rate; above that the last one's."""
        hz = np.minimum(CENTRES_HZ, 0.48 * rate_hz)
        return 20 * np.log10(np.abs(biquad.response(self.sections(rate_hz), hz, rate_hz)))

    def to_json(self) -> dict:
        return asdict(self)


def drawn(rng: np.random.Generator, untouched: float = 0.15) -> Degradation:
    """A random degradation; with the probability `untouched` it is none at all."""
    if rng.random() < untouched:
        return Degradation()
    freq = np.exp(rng.uniform(np.log(_EDGES_HZ[:-1]), np.log(_EDGES_HZ[1:])))
    return Degradation(
        freq_hz=tuple(freq.tolist()),
        gain_db=tuple(rng.uniform(-EQ_DB, EQ_DB, 5).tolist()),
        q=tuple(np.exp(rng.uniform(*np.log(_Q), 5)).tolist()),
        slope=float(rng.uniform(0.0, _SLOPE)) if rng.random() < 0.6 else 0.0,
        width=float(np.exp(rng.uniform(*np.log(_WIDTH)))),
        clip_db=float(rng.uniform(*_CLIP_DB)) if rng.random() < 0.25 else 0.0,
        peak_db=float(rng.uniform(*_PEAK_DB)),
    )


def degrade(audio: np.ndarray, rate_hz: int, how: Degradation) -> np.ndarray:
    """The degraded song.

    Args:
        audio: (channels, frames) float32; width is changed where there are two channels.
        rate_hz: Sample rate.
        how: What is done.

    Returns:
        The same shape; the audio itself where nothing is done.
    """
    if how.untouched:
        return audio
    wet = np.empty(audio.shape, np.float32)
    sections = how.sections(rate_hz)
    biquad.run_cascade(np.ascontiguousarray(audio, np.float32), wet, sections, np.zeros((len(audio), len(sections), 2)))
    if how.slope:
        attack, release = (1.0 - np.exp(-1.0 / (seconds * rate_hz)) for seconds in _FOLLOW_S)
        usual = 0.5 * np.mean(wet.astype(np.float64) ** 2) * len(wet)
        _expand(wet, how.slope, usual + 1e-12, _LOUDER_DB, attack, release)
    if len(wet) == 2 and how.width != 1.0:
        mid, side = (wet[0] + wet[1]) / 2, (wet[0] - wet[1]) / 2 * np.float32(how.width)
        wet = np.stack((mid + side, mid - side))
    peak = float(np.abs(wet).max(initial=0.0))
    if how.clip_db and peak:
        ceiling = peak * 10 ** (-how.clip_db / 20)
        wet = np.clip(wet, -ceiling, ceiling)
        peak = ceiling
    if how.peak_db is not None and peak:
        wet = wet * np.float32(10 ** (how.peak_db / 20) / peak)
    return wet


def _low_shelf(freq_hz: float, gain_db: float, q: float, rate_hz: float) -> np.ndarray:
    return biquad.low_shelf(freq_hz, gain_db, biquad.BUTTERWORTH_Q, rate_hz)


def _high_shelf(freq_hz: float, gain_db: float, q: float, rate_hz: float) -> np.ndarray:
    return biquad.high_shelf(freq_hz, gain_db, biquad.BUTTERWORTH_Q, rate_hz)


@njit(cache=True, nogil=True)
def _expand(audio, slope, usual, most_db, attack, release):
    """Upward expansion in place: what is above the usual power gets louder by `slope` dB for each dB, all channels alike."""
    follower = 0.0
    for i in range(audio.shape[1]):
        power = 0.0
        for channel in range(audio.shape[0]):
            power += audio[channel, i] * audio[channel, i]
        follower += (attack if power > follower else release) * (power - follower)
        above_db = 10.0 * np.log10(follower / usual + 1e-12)
        if above_db > 0.0:
            gain = 10.0 ** (min(slope * above_db, most_db) / 20.0)
            for channel in range(audio.shape[0]):
                audio[channel, i] *= gain
