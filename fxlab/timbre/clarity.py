"""How much of a recording is one clear note, how much several notes, and how much no note at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.timbre.frames import Features

RATE_HZ = 22_050
"""What is judged here is heard at this rate."""
_CLEAR = 0.7  # likeness of neighbouring periods: one voice in a hall is above 0.9, two notes at once are below 0.6
_RANGE_DB = 30.0  # below the loud frames; reverberation and what is quieter than that isn't judged
_SILENT_DB = -70.0
_SIZE = 4096  # tells the notes of a close chord apart
_BAND_HZ = (50.0, 5000.0)
_FLAT_DB = -10.0  # spectra of noise are flatter, those of chords never
_PARTIALS = 2.0  # a drum's skin or a sine has fewer, a chord more
_STEEP_DB = 10.0  # a level that moves as much within four frames is a stroke's
_MOST = 4000  # frames that are looked at, evenly spread


@dataclass(frozen=True)
class Clarity:
    """What sounds in a recording, as shares of the time in which something does.

    Args:
        seconds: How long something sounds.
        clear: Share that is one clear note.
        several: Share that is tonal, but not one note.
        flatness_db: Median spectral flatness of the clear notes, dB: -2.5 for noise, -20 and below for notes; nan without any.
        pause_db: Level of the noise in its pauses, in dB below the notes; infinite where there are no pauses or no noise in them.
    """

    seconds: float
    clear: float
    several: float
    flatness_db: float
    pause_db: float


def clarity(audio: np.ndarray, features: Features) -> Clarity:
    """Measures a recording.

    Args:
        audio: Mono at `RATE_HZ`, (n,).
        features: Its own.
    """
    loudness = features.loudness_db
    loud = loudness[loudness > max(float(loudness.max(initial=_SILENT_DB)) - 50, _SILENT_DB)]
    if not len(loud):
        return Clarity(0.0, 0.0, 0.0, np.nan, np.inf)
    top = float(np.percentile(loud, 95))
    sounding = loudness > max(top - _RANGE_DB, _SILENT_DB)
    frames = np.flatnonzero(sounding)
    frames = frames[:: 1 + len(frames) // _MOST]
    at = np.rint(frames * (RATE_HZ / features.frame_rate_hz)).astype(int)
    voiced = features.voiced[frames] > 0.5
    clear = np.zeros(len(frames), bool)
    clear[voiced] = periodicity(audio, at[voiced], RATE_HZ / features.f0_hz[frames][voiced].astype(np.float64)) >= _CLEAR
    flatness, partials = _spectra(audio, at)
    padded = np.pad(loudness, 2, mode="edge")
    steep = np.abs(padded[4:] - padded[:-4])[frames] > _STEEP_DB
    several = ~clear & (flatness < _FLAT_DB) & (partials > _PARTIALS) & ~steep
    notes = float(np.median(flatness[clear])) if clear.any() else np.nan
    seconds = float(sounding.sum()) / features.frame_rate_hz
    return Clarity(seconds, float(clear.mean()), float(several.mean()), notes, _pauses(audio, features, top))


def periodicity(audio: np.ndarray, at: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Likeness of the waveform around each sample `at` to itself one period later, -1..1, over 3 to 6 periods.

    That is the normalised square difference (P. McLeod, G. Wyvill, "A smarter way to find pitch", 2005) at one lag.

    Args:
        audio: (n,).
        at: Sample indices, (frames,).
        periods: In samples, with fractions, (frames,).
    """
    sizes = np.clip(2 ** np.floor(np.log2(6 * periods)).astype(int), 256, 2048)
    margin = 2048 + int(periods.max(initial=0.0)) + 4
    padded = np.pad(np.asarray(audio, np.float64), margin)
    likeness = np.empty(len(at))
    for size in np.unique(sizes):
        for part in np.array_split(np.flatnonzero(sizes == size), 1 + np.count_nonzero(sizes == size) // 1024):
            first = at[part] + margin - size // 2 - np.rint(periods[part] / 2).astype(int)
            whole = np.floor(periods[part]).astype(int)
            now = padded[first[:, None] + np.arange(size)]
            later = _between(padded[(first + whole)[:, None] + np.arange(-1, size + 2)], (periods[part] - whole)[:, None])
            energy = (now**2).sum(axis=1) + (later**2).sum(axis=1)
            likeness[part] = 2 * (now * later).sum(axis=1) / np.maximum(energy, 1e-20)
    return likeness


def _between(rows: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Values at `share` of the way from each sample to the next (cubic, Lagrange); rows have one more before and two after."""
    a, b, c, d = rows[:, :-3], rows[:, 1:-2], rows[:, 2:-1], rows[:, 3:]
    outer, inner = share * (share - 1) / 6, (share + 1) * (share - 2) / 2
    return -outer * (share - 2) * a + inner * (share - 1) * b - inner * share * c + outer * (share + 1) * d


def _spectra(audio: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spectral flatness in dB and effective number of partials around samples."""
    low, high = (round(hertz * _SIZE / RATE_HZ) for hertz in _BAND_HZ)
    padded = np.pad(np.asarray(audio, np.float64), _SIZE // 2 + 1)
    window = np.hanning(_SIZE + 1)[:-1]
    flatness, partials = np.empty(len(at)), np.empty(len(at))
    for part in np.array_split(np.arange(len(at)), 1 + len(at) // 512):
        first = np.clip(at[part], 0, len(padded) - _SIZE)
        spectrum = np.fft.rfft(padded[first[:, None] + np.arange(_SIZE)] * window)[:, low:high]
        power = spectrum.real**2 + spectrum.imag**2 + 1e-20
        highest = power.max(axis=1, keepdims=True)
        flatness[part] = 10 * np.log10(np.exp(np.log(power + 1e-12 * highest).mean(axis=1)) / power.mean(axis=1))
        middle = power[:, 1:-1]
        peaks = (middle > power[:, :-2]) & (middle >= power[:, 2:]) & (middle > 1e-4 * highest)
        amplitude = np.sqrt(np.where(peaks, middle, 0.0))
        partials[part] = amplitude.sum(axis=1) ** 2 / np.maximum((amplitude**2).sum(axis=1), 1e-20)
    return flatness, partials


def _pauses(audio: np.ndarray, features: Features, top: float) -> float:
    quietest = np.flatnonzero(features.loudness_db <= np.percentile(features.loudness_db, 10))
    quietest = quietest[:: 1 + len(quietest) // _MOST]
    level = float(np.median(features.loudness_db[quietest]))
    if level < _SILENT_DB - 20:
        return np.inf
    flatness, _ = _spectra(audio, np.rint(quietest * (RATE_HZ / features.frame_rate_hz)).astype(int))
    return top - level if np.median(flatness) > _FLAT_DB / 2 else np.inf
