"""Where in a wet recording its dry one is: lags of short windows, found over the whole file first and then nearby.

Both are brought to a low rate, evened out in level and whitened, so that a fuzz or a cabinet in between leaves one clear peak
in the cross-correlation (Knapp and Carter 1976, generalised cross-correlation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE_HZ = 8_000.0
"""Rate at which is searched."""

RATIOS = (1.0, 48_000 / 44_100, 44_100 / 48_000, 1.001, 1 / 1.001, 2.0, 0.5, 96_000 / 44_100, 44_100 / 96_000)
"""How much faster than its header says a wet file's clock may have run: other common rates, and film's pull-up and pull-down."""

_WINDOW = 32_768
_NEAR_WINDOW, _NEAR_HOP, _NEAR = 8_192, 4_096, 4_096
_MOST_WINDOWS = 8
_MOST_NEAR = 800
_STEEPEST = 6e-4
_TOLERANCE = 16.0
_CLEAR, _CLEAR_NEAR = 9.0, 8.0  # peak over RMS of a correlation: chance reaches 5.5 in a million lags, 4.5 in ten thousand


@dataclass(frozen=True)
class Line:
    """Lag of the wet recording over time: `offset + slope * t`, in seconds, and how clearly it stands out (0: not at all)."""

    offset: float
    slope: float
    clarity: float


def prepare(audio: np.ndarray, rate: float) -> np.ndarray:
    """A recording at `RATE_HZ`, its level evened out over 50 ms, its spectrum whitened: float64 (frames,)."""
    from fxlab.audio.soxr import soxr

    low = soxr.resample(np.asarray(audio, np.float32), rate, RATE_HZ, quality="HQ").astype(np.float64)
    if len(low) < 64:
        return low
    low -= low.mean()
    loudness = np.sqrt(_smoothed(low**2, round(0.05 * RATE_HZ)))
    level = low / (loudness + 1e-3 * np.sqrt(np.mean(low**2)) + 1e-12)
    return _whitened(level)


def find(dry: np.ndarray, wet: np.ndarray) -> Line:
    """The line on which most windows of the dry recording are found in the wet one; both prepared.

    Windows are looked for in the whole wet recording, each on its own.
    """
    size = min(_WINDOW, max(len(dry) // 3, 1))
    count = min(_MOST_WINDOWS, max(1, len(dry) // size))
    starts = np.linspace(0, len(dry) - size, count).astype(int)
    length = _fft_size(len(wet) + size)
    spectrum = np.fft.rfft(wet, length)
    found = []
    for start in starts:
        window = dry[start : start + size]
        if not np.any(window):
            continue
        lags = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, length)), length)
        peaks = np.concatenate((lags[: len(wet)], lags[length - size :]))
        best = int(np.argmax(np.abs(peaks)))
        place = best if best < len(wet) else best - len(wet) - size
        score = abs(peaks[best]) / max(np.sqrt(np.mean(peaks**2)), 1e-30)
        found.append(((start + size / 2) / RATE_HZ, (place - start) / RATE_HZ, score))
    return _line(np.array(found).reshape(-1, 3))


def _line(found: np.ndarray) -> Line:
    """The line through most of the clear windows (time, lag, score)."""
    clear = found[found[:, 2] >= _CLEAR]
    best, members = 0.0, np.zeros(len(clear), bool)
    for i in range(len(clear)):
        for j in range(len(clear)):
            slope = (clear[j, 1] - clear[i, 1]) / (clear[j, 0] - clear[i, 0]) if i != j else 0.0
            if abs(slope) > _STEEPEST:
                continue
            off = np.abs(clear[:, 1] - clear[i, 1] - slope * (clear[:, 0] - clear[i, 0])) * RATE_HZ
            total = float(clear[off < _TOLERANCE, 2].sum())
            if total > best * 1.001:
                best, members = total, off < _TOLERANCE
    if members.sum() < min(2, len(found)) or not members.any():
        return Line(0.0, 0.0, 0.0)
    times, lags = clear[members, 0], clear[members, 1]
    slope = np.polyfit(times, lags, 1)[0] if members.sum() > 1 else 0.0
    return Line(float(np.mean(lags - slope * times)), float(slope), best / len(found))


def track(dry: np.ndarray, wet: np.ndarray, line: Line) -> np.ndarray:
    """Lags of windows of a second near a line; both recordings prepared.

    Returns:
        (windows, 2): time of the window's middle and its lag in seconds, only those where it is clear.
    """
    size = min(_NEAR_WINDOW, max(len(dry) // 3, 1))
    hop = max(_NEAR_HOP * size // _NEAR_WINDOW, (len(dry) - size) // _MOST_NEAR, 1)
    near = min(_NEAR, size)
    length = _fft_size(2 * size + 2 * near)
    found = []
    for start in range(0, len(dry) - size + 1, hop):
        middle = (start + size / 2) / RATE_HZ
        first = start + round((line.offset + line.slope * middle) * RATE_HZ) - near
        heard = wet[max(first, 0) : max(first + size + 2 * near, 0)]
        if len(heard) < size // 2:
            continue
        window = dry[start : start + size]
        lags = np.fft.irfft(np.fft.rfft(heard, length) * np.conj(np.fft.rfft(window, length)), length)
        begin = max(-first, 0)  # of what was heard, counted from `first`
        places = np.arange(2 * near + 1) - begin
        peaks = lags[places % length]
        best = int(np.argmax(np.abs(peaks)))
        rms = np.sqrt(np.mean(peaks**2))
        if rms > 0 and abs(peaks[best]) >= _CLEAR_NEAR * rms and 0 < best < 2 * near:
            found.append((middle, (first + best - start) / RATE_HZ))
    return np.array(found).reshape(-1, 2)


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
    """Moving average of `width` samples, the ends repeated."""
    padded = np.concatenate((np.full(width // 2, values[0]), values, np.full(width - width // 2, values[-1])))
    sums = np.cumsum(padded)
    return np.maximum(sums[width:] - sums[:-width], 0.0) / width


def _whitened(audio: np.ndarray) -> np.ndarray:
    """Divides by the mean spectrum, as a short filter of no phase."""
    size = 512
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(audio, (0, size)), size)[:: size // 2]
    step = max(1, len(frames) // 4000)
    power = np.mean(np.abs(np.fft.rfft(frames[::step] * np.hanning(size))) ** 2, axis=0)
    gain = 1 / np.sqrt(power + 1e-4 * power.max() + 1e-30)
    kernel = np.roll(np.fft.irfft(gain), size // 2) * np.hanning(size)
    length = _fft_size(len(audio) + size)
    white = np.fft.irfft(np.fft.rfft(audio, length) * np.fft.rfft(kernel, length), length)
    return white[size // 2 : size // 2 + len(audio)]


def _fft_size(least: int) -> int:
    """The next size of the form 2^k or 3 * 2^k."""
    power = 1 << (least - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= least else power
