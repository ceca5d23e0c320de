"""Delay over time: measured window by window, cut where it jumps, and the line through it that two clocks make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fxlab.audio.alignment_response import SIZE, Response, refine
from fxlab.audio.warping import warp

WINDOW_S = 0.7
_MOST_WINDOWS = 1_000
_SPREAD = 24  # samples by which the first lags may be off
_JUMP = 4.0  # samples; no buffer that gets lost is shorter


@dataclass(frozen=True)
class Clock:
    """Which sample of the wet recording belongs to which of the dry one: `t * (1 + drift) + offset` of the stretch of t.

    Args:
        drift: Of the wet clock against the dry one; 1e-6 is one part per million.
        drift_error: Its standard error, as the windows scatter.
        offsets: Lag in samples that each stretch would have at t = 0.
        bounds: First frame and end of each stretch on the dry side; what lies between two is where the delay jumps.
        points: (windows, 3) of time, lag and residual in samples; for the picture.
    """

    drift: float
    drift_error: float
    offsets: tuple[float, ...]
    bounds: tuple[tuple[int, int], ...]
    points: np.ndarray

    def warped(self, wet: np.ndarray, frames: int) -> np.ndarray:
        """The wet recording on the dry one's time, silent between stretches."""
        if len(self.offsets) == 1:
            return warp(wet, self.offsets[0], 1 + self.drift, frames)
        out = np.zeros(frames, np.float32)
        step = 1 + self.drift
        for offset, (first, last) in zip(self.offsets, self.bounds, strict=True):
            # Read from just before the stretch, so that long recordings with many jumps stay cheap.
            begin = max(0, int(first * step + offset) - SIZE)
            end = int(last * step + offset) + SIZE
            out[first:last] = warp(wet[begin : max(end, begin + 1)], first * step + offset - begin, step, last - first)
        return out

    def moved(self, samples: float) -> Clock:
        """With all offsets larger by some samples."""
        return replace(self, offsets=tuple(offset + samples for offset in self.offsets))


def first_clock(dry: np.ndarray, wet: np.ndarray, rate: float, found: np.ndarray) -> Clock:
    """The clock out of rough lags (windows, 2) in seconds as `alignment_search.track` finds them."""
    places = np.column_stack((found[:, 0] * rate, found[:, 1] * rate))
    points = _lags(dry, wet, rate, places, None)
    if len(points) < 2:
        points = np.column_stack((places, np.ones(len(places))))
    drift = _slope(points)
    return _fitted(points, drift, len(dry), round(WINDOW_S * rate))


def better_clock(dry: np.ndarray, wet: np.ndarray, clock: Clock, response: Response) -> Clock:
    """The clock again, measured with the weights and the phase of the response that the first one has shown."""
    rate = response.rate
    aligned = clock.warped(wet, len(dry))
    middles = _middles(len(dry), rate)
    points = _lags(dry, aligned, rate, np.column_stack((middles, np.zeros(len(middles)))), response)
    if len(points) < 2:
        return clock
    number = _stretch_of(points[:, 0], clock.bounds)
    inside = number >= 0
    points, number = points[inside], number[inside]
    slope, error, rises, residual = _robust(points, number, len(clock.bounds))
    offsets = tuple(float(offset + rise) for offset, rise in zip(clock.offsets, rises, strict=True))
    lag = residual + points[:, 0] * (clock.drift + slope) + np.array(offsets)[number]
    return Clock(clock.drift + slope, error, offsets, clock.bounds, np.column_stack((points[:, 0], lag, residual)))


def _lags(dry: np.ndarray, wet: np.ndarray, rate: float, places: np.ndarray, response: Response | None) -> np.ndarray:
    """Lags to a fraction of a sample: (windows, 3) of middle, lag and trust, out of rough ones; what tells nothing is gone."""
    size = min(1 << round(np.log2(WINDOW_S * rate)), 1 << int(np.log2(max(len(dry) // 3, 64))))
    window = np.hanning(size)
    bins = np.arange(size // 2 + 1)
    omega = 2 * np.pi * bins / size
    weights = ((bins * rate / size > 40) & (bins < 0.46 * size)).astype(float)
    if response is not None:
        spot = bins * SIZE / size
        unit = response.transfer / np.maximum(np.abs(response.transfer), 1e-20)
        known = np.arange(SIZE // 2 + 1)
        expected = np.interp(spot, known, unit.real) + 1j * np.interp(spot, known, unit.imag)
        weights = weights * np.interp(spot, known, response.weights) * np.conj(expected)
    around = np.arange(-_SPREAD, _SPREAD + 1)
    found = []
    for middle, lag in places:
        first = int(middle - size / 2)
        heard = first + round(lag)
        if first < 0 or heard < 0 or first + size > len(dry) or heard + size > len(wet):
            continue
        x, y = np.fft.rfft(dry[first : first + size] * window), np.fft.rfft(wet[heard : heard + size] * window)
        power = np.abs(x) ** 2
        if not power.max() > 0:
            continue
        cross = np.conj(x) * y * (power > 1e-9 * power.max())
        cross = weights * cross / np.maximum(np.abs(cross), 1e-30)
        summed = np.fft.irfft(cross)
        peaks = summed[around % size]
        best = int(np.argmax(np.abs(peaks) if response is None else peaks))
        if abs(peaks[best]) < (6 if response is None else 4) * np.sqrt(np.mean(summed**2)) or best in (0, len(around) - 1):
            continue
        cross *= np.sign(peaks[best])
        shift = refine(cross, around[best], size)
        summed = np.sum(cross.real * np.cos(omega * shift) - cross.imag * np.sin(omega * shift)) / np.sum(np.abs(cross))
        found.append((first + size / 2, round(lag) + shift, max(float(summed), 0.01) ** 2))
    return np.array(found).reshape(-1, 3)


def _middles(frames: int, rate: float) -> np.ndarray:
    """Middles of windows that overlap by half, spread evenly where they would be too many."""
    hop = max(WINDOW_S * rate / 2, frames / _MOST_WINDOWS)
    return np.arange(hop, frames - hop / 2, hop)


def _slope(points: np.ndarray) -> float:
    """Median slope between points some seconds apart: what jumps in a few places doesn't matter."""
    apart = max(1, min(8, len(points) // 5))
    steps = points[apart:] - points[:-apart]
    return float(np.median(steps[:, 1] / steps[:, 0])) if len(steps) else 0.0


def _fitted(points: np.ndarray, drift: float, frames: int, margin: int) -> Clock:
    """Cuts where the lag jumps, and fits one drift with an offset for each stretch."""
    level = points[:, 1] - drift * points[:, 0]
    spread = np.median(np.abs(np.diff(level))) if len(level) > 1 else 0.0
    number = _steps(level, max(_JUMP, 8 * spread))
    kept = number >= 0
    points, number = points[kept], number[kept]
    slope, error, offsets, residual = _robust(points, number, number.max() + 1)
    ends = [(points[number == k, 0].min(), points[number == k, 0].max()) for k in range(number.max() + 1)]
    bounds = []
    for k, (first, last) in enumerate(ends):
        start = 0 if k == 0 else int(first) + margin // 2
        stop = frames if k == len(ends) - 1 else int(last) - margin // 2
        bounds.append((start, max(stop, start)))
    return Clock(slope, error, tuple(map(float, offsets)), tuple(bounds), np.column_stack((points[:, :2], residual)))


def _steps(level: np.ndarray, threshold: float) -> np.ndarray:
    """Number of the stretch of constant level that each value belongs to, -1 for strays."""
    number = np.full(len(level), -1)
    current, members = 0, [level[0]] if len(level) else []
    anchor = float(np.median(level[: min(5, len(level))])) if len(level) else 0.0
    members = [anchor]
    for i, value in enumerate(level):
        if abs(value - np.median(members[-9:])) <= threshold:
            members.append(value)
            number[i] = current
            continue
        following = level[i : i + 3]
        if len(following) == 3 and np.ptp(following) <= threshold:
            current += 1
            members = [value]
            number[i] = current
    return number


def _robust(points: np.ndarray, number: np.ndarray, count: int) -> tuple[float, float, np.ndarray, np.ndarray]:
    """One slope, its standard error, `count` offsets and what is left; strays hardly matter (least squares, Tukey's weights)."""
    times = points[:, 0]
    scale = max(1.0, float(np.abs(times).max(initial=1.0)))
    matrix = np.column_stack([times / scale, *[(number == k).astype(float) for k in range(count)]])
    weight = np.ones(len(times))
    for _ in range(12):
        root = np.sqrt(weight * points[:, 2])
        solution = np.linalg.lstsq(matrix * root[:, None], points[:, 1] * root, rcond=None)[0]
        residual = points[:, 1] - matrix @ solution
        spread = max(1.4826 * float(np.median(np.abs(residual))), 1e-3)
        weight = np.clip(1 - (residual / (4.7 * spread)) ** 2, 0.0, 1.0) ** 2 + 1e-9
    trust = weight * points[:, 2]
    centred = times - np.array([np.sum((trust * times)[number == k]) / np.sum(trust[number == k]) for k in range(count)])[number]
    # Windows overlap and neighbours err alike: twice what independent ones would have.
    error = 2 * np.sqrt(np.sum((trust * residual * centred) ** 2)) / max(float(np.sum(trust * centred**2)), 1e-20)
    return float(solution[0] / scale), float(error), solution[1:], residual


def _stretch_of(times: np.ndarray, bounds: Sequence[tuple[int, int]]) -> np.ndarray:
    """Number of the stretch that holds each time, -1 for none."""
    number = np.full(len(times), -1)
    for k, (first, last) in enumerate(bounds):
        number[(times >= first) & (times < last)] = k
    return number
