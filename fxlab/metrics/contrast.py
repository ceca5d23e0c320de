"""How much stands out, in frequency and in time: what an enhancement of contrast does, as numbers.

Audio is analysed as the ear would: every 5 ms, in bands half an ERB apart from 50 Hz to 20 kHz or 0.45 of the rate, whose power
responses are those of fourth-order gammatone filters one ERB wide. Power spectra come from Hann windows long enough not to widen
a band much, 11 ms at high frequencies and 85 ms at the lowest: short where the ear is quick, long where it is sharp.

Both contrasts are means over what sounds, weighted with its power, of a level's distance in dB

    spectral: from the mean level of the bands within 3 ERB of its own at that time
    temporal: from the mean level of its own band over all time

so they don't depend on the level of the audio. A sine has the most spectral contrast and no temporal one; a click has the
opposite; stationary noise has a little of both. Levels end 80 dB below the loudest there is; silence before and after is left
out, and so are the first and the last 43 ms of the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fxlab.audio.erb import erb_hz, erb_rate, frequency_at

RANGE_DB = 80.0
REACH_ERB = 3.0
"""How far away on the ERB scale a band's neighbours are."""
STEP_S = 1 / 187.5

_LOWEST_HZ, _HIGHEST_HZ, _SPACING_ERB = 50.0, 20_000.0, 0.5
_SHORTEST = 2  # windows are at least so many steps long
_EDGE = 8  # steps at either end where the longest windows see the edge of the audio, and take it for a click
_LOUDNESS = 0.3  # loudness grows with power to the 0.3 (Stevens)
_FRAMES_AT_ONCE = 256  # bounds memory


@dataclass(frozen=True, eq=False)
class Contrast:
    """What stands out.

    Args:
        centres_hz: Of the bands, (bands,).
        spectral_db, temporal_db: Contrast of each band, (bands,); 0 in a band where nothing is heard.
        spectral, temporal: Means over the bands in dB, weighted with each band's loudness (power to the 0.3): what is loud
            counts more, but the bass alone doesn't decide.
    """

    centres_hz: np.ndarray
    spectral_db: np.ndarray
    temporal_db: np.ndarray
    spectral: float
    temporal: float


def contrast(audio: np.ndarray, rate_hz: int) -> Contrast:
    """Contrast of audio (frames,) or (channels, frames), whose channels are heard together; needs its memory once more.

    Raises:
        ValueError: No samples, or a rate below 1 kHz.
    """
    return contrast_of(*band_powers(audio, rate_hz))


def contrast_of(centres_hz: np.ndarray, powers: np.ndarray) -> Contrast:
    """Contrast of powers (steps, bands) as `band_powers` gives them."""
    levels = levels_db(powers)
    heard = np.flatnonzero(levels.max(axis=1) > levels.min())
    if not len(heard):
        nothing = np.zeros(len(centres_hz))
        return Contrast(centres_hz, nothing, nothing, 0.0, 0.0)
    first, last = heard[0], heard[-1] + 1
    if last - first > 4 * _EDGE:
        first, last = first + _EDGE, last - _EDGE
    powers, levels = powers[first:last], levels[first:last]
    around = levels @ neighbours(centres_hz).T
    total = powers.sum(axis=0, dtype=np.float64)
    share = powers / np.maximum(total, np.finfo(np.float64).tiny)
    spectral = np.sum(share * (levels - around), axis=0)
    temporal = np.sum(share * (levels - levels.mean(axis=0)), axis=0)
    weights = total**_LOUDNESS / np.sum(total**_LOUDNESS)
    return Contrast(centres_hz, spectral, temporal, float(weights @ spectral), float(weights @ temporal))


def levels_db(powers: np.ndarray, loudest: float | None = None) -> np.ndarray:
    """Powers in dB, none more than `RANGE_DB` below the loudest (by default their own), which silence is, too."""
    loudest = float(powers.max(initial=0.0)) if loudest is None else loudest
    least = max(loudest * 10 ** (-RANGE_DB / 10), float(np.finfo(np.float32).tiny))
    levels: np.ndarray = 10.0 * np.log10(np.maximum(powers, least))
    return levels


def band_powers(audio: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Power in the ear's bands over time.

    Args:
        audio: Shape (frames,) or (channels, frames), of which the mean power is taken.
        rate_hz: Sample rate.

    Returns:
        Centres of the bands in Hz, (bands,), and powers, float32 (steps, bands), where a sine of amplitude 1 has 1 at its centre.
        Step i is centred on `STEP_S` i seconds.

    Raises:
        ValueError: No samples, or a rate below 1 kHz.
    """
    audio = np.atleast_2d(audio)
    if audio.ndim != 2 or not audio.size or rate_hz < 1000:
        raise ValueError(f"expected audio (channels, frames) at 1 kHz or more, not {audio.shape} at {rate_hz} Hz")
    centres_hz, hop, windows = layout(rate_hz)
    powers = np.zeros((1 + audio.shape[1] // hop, len(centres_hz)), np.float32)
    for size, mine in windows.items():
        weights = filters(centres_hz[mine], size, rate_hz)
        for channel in audio:
            padded = np.pad(channel, size // 2)
            for start, spectra in _power_spectra(padded, size, hop, len(powers)):
                powers[start : start + len(spectra), mine] += spectra @ weights / len(audio)
    return centres_hz, powers


def layout(rate_hz: int) -> tuple[np.ndarray, int, dict[int, np.ndarray]]:
    """Centres of the bands in Hz, frames in a step, and for each length of window its bands, by number."""
    lowest, highest = (float(erb_rate(edge)) for edge in (_LOWEST_HZ, min(_HIGHEST_HZ, 0.45 * rate_hz)))
    centres_hz = np.asarray(frequency_at(np.arange(lowest, highest, _SPACING_ERB)))
    hop = max(1, round(STEP_S * rate_hz))
    # A Hann window of n samples is 1.5 rate / n wide: three quarters of the band, or less.
    wanted = np.maximum(2.0 * rate_hz / erb_hz(centres_hz), _SHORTEST * hop)
    sizes = hop * 2 ** np.ceil(np.log2(wanted / hop)).astype(np.int64)
    return centres_hz, hop, {size: np.flatnonzero(sizes == size) for size in np.unique(sizes).tolist()}


def _power_spectra(audio: np.ndarray, size: int, hop: int, steps: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first step, power spectra (steps, bins)) in batches; a step begins every `hop` samples."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window *= 2.0 / window.sum()
    frames = np.lib.stride_tricks.sliding_window_view(audio, size)[::hop][:steps]
    for start in range(0, steps, _FRAMES_AT_ONCE):
        spectra = np.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * window)
        yield start, spectra.real**2 + spectra.imag**2


def filters(centres_hz: np.ndarray, size: int, rate_hz: int) -> np.ndarray:
    """Weights of the bins of a power spectrum in each band, (bins, bands), for spectra of windows with the sum 2."""
    bins = np.fft.rfftfreq(size, 1 / rate_hz)
    # 1.019 ERB makes a fourth-order gammatone one ERB wide; a sine's power lies in bins of the sum 1.5.
    shape = (1.0 + ((bins[:, None] - centres_hz) / (1.019 * erb_hz(centres_hz))) ** 2) ** -4
    weights: np.ndarray = shape / 1.5
    return weights


def neighbours(centres_hz: np.ndarray) -> np.ndarray:
    """(bands, bands): a row takes the mean of the bands within `REACH_ERB` but itself."""
    erb = np.asarray(erb_rate(centres_hz))
    near = (np.abs(erb[:, None] - erb) <= REACH_ERB + 1e-6) & ~np.eye(len(erb), dtype=bool)
    weights: np.ndarray = near / near.sum(axis=1, keepdims=True)
    return weights
