"""How near a master comes to the released one: balance over frequency, likeness, dynamics and width, each at equal loudness."""

from __future__ import annotations

import numpy as np

from fxlab.audio.bands import CENTRES_HZ, fft_size, powers, to_db
from fxlab.audio.loudness import integrated_lufs, mean_lufs
from fxlab.audio.true_peak import true_peak_db
from fxlab.metrics.quality import mr_stft

JUDGED = CENTRES_HZ > 48.0
"""The third octaves from 50 Hz to 16 kHz."""

COLUMNS = {
    "spectrum_db": "third-octave spectrum error, dB",
    "mr_stft": "MR-STFT, loudness-matched",
    "plr_db": "error of the peak-to-loudness ratio, dB",
    "width_db": "error of the width (side over mid), dB",
}
"""What `scores` returns, less being better in each."""

_NARROWEST_DB = -40.0


def spectrum_db(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Mean power of all channels in each of the third octaves, dB: (channels, frames) to (27,)."""
    size = fft_size(rate_hz)
    missing = -audio.shape[1] % size
    frames = np.pad(np.asarray(audio, np.float32), ((0, 0), (0, missing))).reshape(-1, size)
    levels: np.ndarray = to_db(powers(frames, rate_hz).mean(axis=0))
    return levels


def spectrum_change_db(before: np.ndarray, after: np.ndarray, rate_hz: int) -> np.ndarray:
    """By how much each third octave from 50 Hz to 16 kHz moved at equal loudness, dB: shape (26,)."""
    change: np.ndarray = spectrum_db(_matched(before, after, rate_hz), rate_hz) - spectrum_db(before, rate_hz)
    return change[JUDGED]


def width_db(audio: np.ndarray) -> float:
    """Power of the side over that of the mid, not under -40 dB; that for mono."""
    if len(audio) != 2:
        return _NARROWEST_DB
    mid, side = (float(np.sum((audio[0] + sign * audio[1]).astype(np.float64) ** 2)) for sign in (1, -1))
    return max(_NARROWEST_DB, 10 * np.log10(side / mid)) if mid > 0 and side > 0 else _NARROWEST_DB


def scores(target: np.ndarray, output: np.ndarray, rate_hz: int) -> dict[str, float]:
    """Every column of `COLUMNS` for an output beside the released master.

    Args:
        target, output: (channels, frames) of one shape and aligned, neither silent.
        rate_hz: Their sample rate.
    """
    matched = _matched(target, output, rate_hz)
    plr = [true_peak_db(audio, rate_hz) - integrated_lufs(audio, rate_hz) for audio in (target, matched)]
    return {
        "spectrum_db": float(np.mean(np.abs(spectrum_change_db(target, matched, rate_hz)))),
        "mr_stft": mr_stft(target, matched),
        "plr_db": abs(plr[1] - plr[0]),
        "width_db": abs(width_db(matched) - width_db(target)),
    }


def _matched(target: np.ndarray, output: np.ndarray, rate_hz: int) -> np.ndarray:
    """The output as loud as the target."""
    matched: np.ndarray = output * np.float32(10 ** ((mean_lufs(target, rate_hz) - mean_lufs(output, rate_hz)) / 20))
    return matched
