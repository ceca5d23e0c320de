"""A tracked pitch made exact: trackers are off by some cents, which at the twentieth harmonic is a wrong note."""

from __future__ import annotations

import numpy as np

_PERIODS = 6  # in a window, so that its Hann window tells neighbouring harmonics apart and vibrato isn't averaged away
_SHORTEST = 256
_HARMONICS = 12
_FURTHEST = np.log(2) / 24  # half a semitone: what a harmonic says beyond that is about another sound


def refined(f0_hz: np.ndarray, voiced: np.ndarray, audio: np.ndarray, rate_hz: int, hop: int, longest: int) -> np.ndarray:
    """Fundamental frequency from the instantaneous frequencies of the first harmonics, each by reassignment.

    The frequency of a spectrum's bin is corrected by the same bin of the spectrum through the window's derivative (F. Auger,
    P. Flandrin, "Improving the readability of time-frequency and time-scale representations", 1995), which for a sine is exact.
    Harmonic k tells the fundamental k times finer than the fundamental itself does, so it counts by power times k^2.

    Args:
        f0_hz: Positive, (frames,), within half a semitone where `voiced`.
        voiced: bool (frames,); elsewhere nothing is changed.
        audio: (n,); frame f is centred on sample f * hop.
        rate_hz: Its rate.
        hop: Samples from frame to frame.
        longest: Samples in the longest window.

    Returns:
        float64 (frames,).
    """
    found = np.array(f0_hz, np.float64)
    sizes = np.clip(2 ** np.ceil(np.log2(_PERIODS * rate_hz / found)).astype(int), min(_SHORTEST, longest), longest)
    padded = np.pad(np.asarray(audio, np.float64), (longest // 2, longest // 2 + hop))
    for size in np.unique(sizes[voiced]):
        of_size = np.flatnonzero(voiced & (sizes == size))
        windows = np.lib.stride_tricks.sliding_window_view(padded[(longest - size) // 2 :], size)[::hop]
        for part in np.array_split(of_size, 1 + len(of_size) // 1024):
            found[part] = _refined(found[part], windows[part], rate_hz)
    return found


def _refined(f0_hz: np.ndarray, windows: np.ndarray, rate_hz: int) -> np.ndarray:
    size = windows.shape[1]
    angle = 2 * np.pi * np.arange(size) / size
    spectrum = np.fft.rfft(windows * (0.5 - 0.5 * np.cos(angle)))
    slope = np.fft.rfft(windows * (np.pi / size * np.sin(angle)))
    power = spectrum.real**2 + spectrum.imag**2
    shift = (slope * spectrum.conj()).imag / np.maximum(power, 1e-30)
    hertz = (np.arange(power.shape[1]) / size - shift / (2 * np.pi)) * rate_hz
    k = np.arange(1, _HARMONICS + 1)
    bins = np.rint(k * f0_hz[:, None] * size / rate_hz).astype(int)
    inside = bins < size // 2
    bins = np.minimum(bins, size // 2)
    says = np.maximum(np.take_along_axis(hertz, bins, axis=1) / k, 1e-3)
    near = np.abs(np.log(says / f0_hz[:, None])) < _FURTHEST
    weights = np.take_along_axis(power, bins, axis=1) * k**2 * (inside & near)
    total = weights.sum(axis=1)
    return np.where(total > 0, (weights * says).sum(axis=1) / np.where(total > 0, total, 1.0), f0_hz)
