"""The parameters of an ACE from what goes into it and what comes out, by least squares.

Its output is linear in three signals: the dry one, temporal contrast and spectral contrast. How much there is of each (that is
`mix`, `sce_share` and `output_db`) has a closed solution for any setting of the others, so those are sought alone, in the part of
the target that the dry signal doesn't explain ("variable projection", Golub and Pereyra 1973; slopes by Kaufman 1975). What is
compared is a spectrogram, first one in which loud and soft count nearly alike, then the waveform. Since exponents and thresholds
make false bottoms, settings all over the range are tried where the way down from the defaults ends above the true one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from fxlab.effects.ace.kernel import Ace
from fxlab.models.ace_config import PARAMS, SCALARS, AceConfig, settings_of
from fxlab.training.least_squares import Point

LINEAR = ("mix", "sce_share", "output_db")
_DRY, _TEMPORAL, _SPECTRAL = range(3)
_OF_TCE = frozenset(name for name in SCALARS if name.startswith("tce_"))
_OF_BOTH = frozenset(("highpass_hz", "delta_db"))
_WINDOW, _HOP = 1024, 512
_DIFFERENCE = 1e-4
_FARTHEST, _FARTHEST_LINEAR = 5.0, 9.0  # unconstrained numbers: farther out a sigmoid has no slope on which to come back
_INSIDE = 1e-3  # of a range: where an unconstrained number still says something


@dataclass(frozen=True)
class Piece:
    """What is compared: float32 dry audio and, behind its first `context` samples, the float64 target."""

    dry: np.ndarray
    target: np.ndarray
    context: int


class Problem:
    """Pieces of audio, and how to compare what an ACE makes of them.

    Args:
        config: The model's.
        pieces: What to compare.
        evenness: 0 compares waveforms, 1 spectrograms in which every cell counts alike; between, by that power of its level.
        floor: Cells that far below the mean level don't count more than those there.
        threads: That render.
    """

    def __init__(self, config: AceConfig, pieces: Sequence[Piece], evenness: float, floor: float, threads: int) -> None:
        self.config, self.pieces, self.threads = config, pieces, threads
        self._weights = None
        target = np.concatenate([piece.target for piece in pieces])
        if evenness:
            level = np.abs(_spectrogram(target))
            self._weights = (level**2 + (floor**2) * np.mean(level**2)) ** (-evenness / 2)
        self._target = self._seen(target)
        self._dry = self._seen(np.concatenate([self._delayed(piece) for piece in pieces]))
        unexplained = self._target - self._dry * (self._dry @ self._target) / max(self._dry @ self._dry, 1e-30)
        self._scale = 1.0 / max(float(np.linalg.norm(unexplained)), 1e-30)
        self._target *= self._scale
        self._dry *= self._scale
        self.names = [*SCALARS, *(f"gain{k}" for k in range(config.weight_shapes()["gains"][0]))]
        self.bounds = np.array([_FARTHEST_LINEAR if name in LINEAR else _FARTHEST for name in self.names])
        self.free = [i for i, name in enumerate(self.names) if name not in LINEAR]

    def output(self, place: np.ndarray, **fixed: float) -> np.ndarray:
        """What an ACE at a place (n,) plays for all pieces, float64, contexts left out."""
        values = settings_of(self.config, {"scalars": place[: len(SCALARS)], "gains": place[len(SCALARS) :]}) | fixed
        played = []
        for piece in self.pieces:
            ace, out = Ace(**values), np.empty((1, len(piece.dry)))
            ace.prepare(self.config.sample_rate_hz, 1, len(piece.dry))
            ace.kernel(piece.dry[None], out, *ace._arguments)
            played.append(out[0, piece.context :])
        return np.concatenate(played)

    def parts(
        self, place: np.ndarray, known: np.ndarray | None = None, which: Sequence[int] = (_TEMPORAL, _SPECTRAL)
    ) -> np.ndarray:
        """The three signals as they are compared, (3, m); those not in `which` are taken from `known`."""
        parts = np.empty((3, len(self._target))) if known is None else known.copy()
        parts[_DRY] = self._dry
        for part in which:
            share = 1.0 if part == _SPECTRAL else 0.0
            parts[part] = self._scale * self._seen(self.output(place, mix=1.0, sce_share=share, output_db=0.0))
        return parts

    def projected(self, place: np.ndarray) -> float:
        """The cost where the amounts of the three signals are the best."""
        return _amounts(self.parts(place), self._target)[1]

    def projected_point(self, place: np.ndarray) -> Point:
        """The same with its slopes in all but the three linear parameters, whose slopes are 0."""
        parts = self.parts(place)
        amounts, cost, used = _amounts(parts, self._target)
        residual = amounts @ parts - self._target
        basis = np.linalg.qr(parts[used].T)[0]

        def slope(i: int) -> np.ndarray:
            moved = place.copy()
            moved[i] += _DIFFERENCE
            which = self._heard_in(i)
            change = (amounts @ (self.parts(moved, parts, which) - parts) / _DIFFERENCE).astype(np.float32)
            return change - basis @ (basis.T @ change)

        return self._point(place, cost, residual, slope, self.free)

    def cost(self, place: np.ndarray) -> float:
        """Sum of the squared residuals, of the target's part that the dry signal doesn't explain."""
        residual = self._residual(place)
        return float(residual @ residual)

    def point(self, place: np.ndarray) -> Point:
        """The same with its slopes in all parameters."""
        residual = self._residual(place)

        def slope(i: int) -> np.ndarray:
            ends = []
            for sign in (1.0, -1.0):
                moved = place.copy()
                moved[i] += sign * _DIFFERENCE
                ends.append(self._scale * self._seen(self.output(moved)))
            return (ends[0] - ends[1]) / (2.0 * _DIFFERENCE)

        return self._point(place, float(residual @ residual), residual, slope, range(len(place)))

    def completed(self, place: np.ndarray) -> np.ndarray:
        """The place with its linear parameters at their best."""
        dry, temporal, spectral = _amounts(self.parts(place), self._target)[0]
        wet = temporal + spectral
        values = {
            "mix": wet / max(dry + wet, 1e-12),
            "sce_share": spectral / max(wet, 1e-12),
            "output_db": 20.0 * np.log10(max(dry + wet, 1e-12)),
        }
        place = place.copy()
        for name, value in values.items():
            param = PARAMS[name]
            share = min(max(param.share(value), _INSIDE), 1.0 - _INSIDE)
            place[SCALARS.index(name)] = np.log(share / (1.0 - share))
        return place

    def _residual(self, place: np.ndarray) -> np.ndarray:
        return self._scale * self._seen(self.output(place)) - self._target

    def _point(
        self, place: np.ndarray, cost: float, residual: np.ndarray, slope: Callable[[int], np.ndarray], free: Sequence[int]
    ) -> Point:
        with ThreadPoolExecutor(self.threads) as pool:
            slopes = np.stack(list(pool.map(slope, free)))
        downhill, curvature = np.zeros(len(place)), np.zeros((len(place), len(place)))
        downhill[list(free)] = slopes @ residual.astype(slopes.dtype)
        curvature[np.ix_(free, free)] = slopes @ slopes.T
        return Point(place, cost, downhill, curvature)

    def _heard_in(self, i: int) -> tuple[int, ...]:
        name = self.names[i]
        if name in _OF_BOTH:
            return _TEMPORAL, _SPECTRAL
        return (_TEMPORAL,) if name in _OF_TCE else (_SPECTRAL,)

    def _delayed(self, piece: Piece) -> np.ndarray:
        late = self.config.latency
        return np.concatenate((np.zeros(late), piece.dry))[piece.context : len(piece.dry)]

    def _seen(self, audio: np.ndarray) -> np.ndarray:
        return audio if self._weights is None else (_spectrogram(audio) * self._weights).ravel().view(np.float64)


def places(config: AceConfig, start: np.ndarray, count: int, seed: int) -> list[np.ndarray]:
    """`start`, and places all over the ranges of what matters most; the levels of bands and of silence stay."""
    rng, found = np.random.default_rng(seed), [start]
    still = {"noise_floor_db", "delta_db", *LINEAR}
    moving = [i for i, name in enumerate(SCALARS) if name not in still]
    for _ in range(count - 1):
        place, shares = start.copy(), rng.uniform(0.05, 0.95, len(moving))
        place[moving] = np.log(shares / (1.0 - shares))
        found.append(place)
    return found


def _amounts(parts: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, list[int]]:
    """Factors >= 0 on the three signals that come nearest to the target, the cost that is left, and which aren't 0."""
    products, wanted, energy = parts @ parts.T, parts @ target, float(target @ target)
    best = np.zeros(3), energy, [_DRY]
    for count in (3, 2, 1):
        for used in map(list, itertools.combinations(range(3), count)):
            matrix = products[np.ix_(used, used)]
            matrix = matrix + 1e-13 * np.trace(matrix) * np.eye(count)
            amounts = np.linalg.solve(matrix, wanted[used]) if matrix[0, 0] > 0 else np.full(count, -1.0)
            if (amounts < 0).any():
                continue
            whole = np.zeros(3)
            whole[used] = amounts
            residual = whole @ parts - target
            if (cost := float(residual @ residual)) < best[1]:
                best = whole, cost, used
        if count == 3 and len(best[2]) == 3:
            break
    return best


def _spectrogram(audio: np.ndarray) -> np.ndarray:
    """(frames, bins) complex; what is shorter than a window is followed by silence."""
    audio = np.pad(audio, (0, max(0, _WINDOW - len(audio))))
    window = np.sqrt(np.hanning(_WINDOW + 1)[:_WINDOW])
    return np.fft.rfft(np.lib.stride_tricks.sliding_window_view(audio, _WINDOW)[::_HOP] * window)
