"""What a recording suffered: flat tops, dropped and repeated buffers, silence where there should be sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Stretch = tuple[int, int]

_FULL_SCALE = 0.985
_FLAT, _LEAST_FLAT = 2e-5, 3  # how equal samples of a flat top are (as a share of the peak), and how many it takes
_BUFFERS = (32, 48, 64, 96, 128, 192, 256, 441, 480, 512, 882, 960, 1024, 2048, 4096)
_BLOCK_S = 0.005
_DEAD_DB, _LOUD_DB = -45.0, -30.0
_ALIKE = 20


@dataclass(frozen=True)
class Clipping:
    """Flat tops.

    Args:
        peak_db: Largest sample in dB of full scale.
        share: Part of all samples that lie on flat tops at the peak, 0 .. 1.
        tops: How many there are.
        runs: Each top's first frame and end.
    """

    peak_db: float
    share: float
    tops: int
    runs: tuple[Stretch, ...]

    @property
    def at_full_scale(self) -> bool:
        """Whether they are where a converter or a file clips; else the device itself makes them."""
        return bool(self.tops > 0 and self.peak_db >= 20 * np.log10(_FULL_SCALE))


def clipping(audio: np.ndarray) -> Clipping:
    """Runs of three equal samples or more at the largest or smallest value that occurs."""
    runs: list[Stretch] = []
    peak = float(np.abs(audio).max(initial=0.0))
    for side in (1.0, -1.0):
        top = float((side * audio).max(initial=0.0))
        if top > 0.5 * peak:
            runs += [run for run in _runs(side * audio >= top - _FLAT * peak) if run[1] - run[0] >= _LEAST_FLAT]
    # A single flat top is chance, or a digital signal's own plateau.
    runs = sorted(runs) if len(runs) > 1 else []
    share = sum(last - first for first, last in runs) / max(1, len(audio))
    return Clipping(float(20 * np.log10(peak + 1e-12)), share, len(runs), tuple(runs))


def repeats(audio: np.ndarray) -> list[Stretch]:
    """Places (first frame, end) where the last buffer came again, sample by sample."""
    found = []
    moving = np.concatenate(([0], np.cumsum(np.diff(audio, prepend=0) != 0)))
    for length in _BUFFERS:
        same = (audio[length:] == audio[:-length]) & (audio[length:] != 0)
        for first, last in _runs(same):
            # A signal of that period repeats on and on, and the flat tops of a fuzz are all alike.
            if length <= last - first + 1 <= 4 * length and 2 * (moving[last + length] - moving[first + length]) > length:
                found.append((first + length, last + length))
    return _joined(found, 0)


def silences(dry: np.ndarray, wet: np.ndarray, rate: float, stretches: Sequence[Stretch]) -> list[Stretch]:
    """Places where the aligned wet recording is dead although the dry one plays.

    Dead is 45 dB below what the device usually gives at that level of the dry recording: a noise gate that closes on quiet
    notes isn't.
    """
    size = max(1, round(_BLOCK_S * rate))
    count = len(dry) // size
    levels = []
    for side in (dry, wet):
        blocks = side[: count * size].reshape(count, size).astype(np.float64)
        # A lost buffer is zero, a lost signal the recorder's offset.
        power = np.minimum(np.mean(blocks**2, axis=1), np.mean((blocks - side.mean(dtype=np.float64)) ** 2, axis=1))
        levels.append(10 * np.log10(power + 1e-14))
    inside = np.zeros(count, bool)
    for first, last in stretches:
        inside[-(-first // size) : last // size] = True
    if inside.sum() < 20:
        return []
    loud = inside & (levels[0] > np.quantile(levels[0][inside], 0.95) + _LOUD_DB)
    usual, known = np.full(count, -np.inf), -np.inf
    steps = np.round(levels[0] / 3)
    for step in np.unique(steps[loud]):
        alike = levels[1][loud & (steps == step)]
        # Of a level that occurs in few places, the next lower one says more.
        known = float(np.median(alike)) if len(alike) >= _ALIKE else known
        usual[steps == step] = known
    # Before a device with a delay of its own answers, it is rightly silent: only what has been loud for 10 ms counts.
    steady = np.convolve(loud, np.ones(2), "full")[:count] == 2
    dead = steady & (levels[1] < usual + _DEAD_DB)
    return _joined([(first * size, last * size) for first, last in _runs(dead)], size)


def without(stretches: Sequence[Stretch], bad: Sequence[Stretch], before: int, after: int) -> list[Stretch]:
    """What is left of stretches when bad places, each with a margin, are taken out."""
    left = [stretch for stretch in stretches if stretch[1] > stretch[0]]
    for first, last in _joined([(a - before, b + after) for a, b in bad], 0):
        pieces = []
        for start, stop in left:
            pieces += [(start, min(stop, first)), (max(start, last), stop)] if first < stop and last > start else [(start, stop)]
        left = [piece for piece in pieces if piece[1] > piece[0]]
    return left


def _runs(marked: np.ndarray) -> list[Stretch]:
    """First index and end of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _joined(runs: Sequence[Stretch], gap: int) -> list[Stretch]:
    """Sorted, with those that overlap or are at most `gap` apart made one."""
    joined: list[Stretch] = []
    for first, last in sorted(runs):
        if joined and first <= joined[-1][1] + gap:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined
