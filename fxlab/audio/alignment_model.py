"""How much of a wet recording follows from its dry one, by a linear device and by a bent one, and what noise is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SIZE = 4_096
_MOST_FRAMES = 800
_AT_ONCE = 32
_SILENCE = 10 ** (-96 / 20)  # RMS; a 16-bit recording's last bit
_BLOCK_S, _AFTER_S, _LEAST_S = 0.02, 0.5, 0.1
_QUIETEST_TENTH = 0.105  # what a tenth of a noise's periodograms stay under, as a share of their mean


@dataclass(frozen=True)
class Predictable:
    """Shares of the wet energy that follow from the dry recording, 0 .. 1, and the power spectrum of the rest (per bin)."""

    linear: float
    bent: float
    rest: np.ndarray
    wet: np.ndarray


@dataclass(frozen=True)
class Noise:
    """The wet recording's noise.

    Args:
        level_db: RMS in dB of full scale; -inf where there is none.
        esr: Its energy over that of the wet recording: no model can have less.
        source: "silence" where it was heard while the dry recording is silent; "residue" where that never is, and the figure
            is the part that nothing explains, at most.
        power: Its power spectrum, in the measure of `Predictable`.
    """

    level_db: float
    esr: float
    source: str
    power: np.ndarray


def predict(dry: np.ndarray, wet: np.ndarray, stretches: Sequence[tuple[int, int]]) -> Predictable:
    """Least squares in every frequency bin: the wet spectrum out of the dry one's, and out of bent copies' too.

    The copies (softly clipped twice, rectified) stand for any static curve, so a fuzz is explained as well as an equaliser.
    """
    starts = np.array([s for first, last in stretches for s in range(first, last - _SIZE + 1, _SIZE // 2)], int)
    if not len(starts):
        return Predictable(0.0, 0.0, np.zeros(_SIZE // 2 + 1), np.zeros(_SIZE // 2 + 1))
    starts = starts[np.linspace(0, len(starts) - 1, min(_MOST_FRAMES, len(starts))).astype(int)]
    scale = max(float(np.sqrt(np.mean([np.mean(np.square(dry[s : s + _SIZE], dtype=float)) for s in starts]))), 1e-12)
    window = np.hanning(_SIZE)
    gram = np.zeros((_SIZE // 2 + 1, 4, 4), complex)
    cross = np.zeros((_SIZE // 2 + 1, 4), complex)
    power = np.zeros(_SIZE // 2 + 1)
    for first in range(0, len(starts), _AT_ONCE):
        places = starts[first : first + _AT_ONCE, None] + np.arange(_SIZE)
        sound = dry[places].astype(np.float64)
        bent = np.stack((sound, np.tanh(sound / scale), np.tanh(8 * sound / scale), np.abs(sound)))
        bent -= bent.mean(axis=-1, keepdims=True)
        x = np.fft.rfft(bent * window)
        y = wet[places].astype(np.float64)
        y = np.fft.rfft((y - y.mean(axis=-1, keepdims=True)) * window)
        gram += np.einsum("ikf,jkf->fij", np.conj(x), x, optimize=True)
        cross += np.einsum("ikf,kf->fi", np.conj(x), y)
        power += np.sum(np.abs(y) ** 2, axis=0)
    total = float(power.sum()) + 1e-30
    # Half of the frames' overlap is the same sound: a little less freedom than their number.
    freedom = max(1.0, 0.75 * len(starts))
    rests = [_rest(gram[:, :n, :n], cross[:, :n], power) / max(1e-3, 1 - n / freedom) for n in (1, 4)]
    shares = [float(np.clip(1 - rest.sum() / total, 0.0, 1.0)) for rest in rests]
    return Predictable(shares[0], max(shares), np.minimum(rests[1], power) / len(starts), power / len(starts))


def _rest(gram: np.ndarray, cross: np.ndarray, power: np.ndarray) -> np.ndarray:
    size = gram.shape[1]
    load = 1e-9 * np.trace(gram, axis1=1, axis2=2).real[:, None, None] / size + 1e-20
    weights = np.linalg.solve(gram + load * np.eye(size), cross[..., None])[..., 0]
    return np.maximum(power - np.sum(np.conj(weights) * cross, axis=1).real, 0.0)


def noise(dry: np.ndarray, wet: np.ndarray, rate: float, stretches: Sequence[tuple[int, int]], predictable: Predictable) -> Noise:
    """The wet recording's noise within some stretches; what is constant doesn't count."""
    energy = sum(float(np.vdot(wet[a:b], wet[a:b])) for a, b in stretches)
    count = sum(b - a for a, b in stretches)
    mean = energy / max(count, 1) + 1e-30
    silent = _silent_blocks(dry, rate, stretches)
    size = round(_BLOCK_S * rate)
    if len(silent) * _BLOCK_S >= _LEAST_S:
        blocks = wet[silent[:, None] + np.arange(size)].astype(np.float64)
        quiet = float(np.median(np.var(blocks, axis=1)))
        # Their spectrum, brought to frames of the usual length.
        powers = np.abs(np.fft.rfft((blocks - blocks.mean(axis=1, keepdims=True)) * np.hanning(size))) ** 2
        spectrum = np.interp(np.linspace(0, 1, _SIZE // 2 + 1), np.linspace(0, 1, size // 2 + 1), np.median(powers, axis=0))
        return Noise(_db(quiet), float(min(1.0, quiet / mean)), "silence", spectrum * _SIZE / size / np.log(2))
    rest = np.minimum(predictable.rest, _lowest_tenth(wet, stretches))
    share = float(rest.sum() / (predictable.wet.sum() + 1e-30))
    return Noise(_db(share * mean), min(1.0, share), "residue", rest)


def _silent_blocks(dry: np.ndarray, rate: float, stretches: Sequence[tuple[int, int]]) -> np.ndarray:
    """First frames of the blocks of 20 ms in which the dry recording is silent, and has been for a while."""
    size, after = round(_BLOCK_S * rate), round(_AFTER_S / _BLOCK_S)
    starts: list[np.ndarray] = [np.zeros(0, int)]
    for first, last in stretches:
        blocks = (last - first) // size
        if blocks <= after:
            continue
        heard = dry[first : first + blocks * size].reshape(blocks, size).astype(np.float64)
        silent = np.concatenate(([0], np.cumsum(np.std(heard, axis=1) < _SILENCE)))
        long = np.flatnonzero(silent[after:] - silent[:-after] == after) + after - 1
        starts.append(first + size * long)
    return np.concatenate(starts)


def _lowest_tenth(wet: np.ndarray, stretches: Sequence[tuple[int, int]]) -> np.ndarray:
    """A bound on steady noise: its power can't pass, in any bin, what the quietest moments have (minimum statistics)."""
    starts = np.array([s for first, last in stretches for s in range(first, last - _SIZE + 1, _SIZE)], int)
    if len(starts) < 20:
        return np.full(_SIZE // 2 + 1, np.inf)
    starts = starts[np.linspace(0, len(starts) - 1, min(_MOST_FRAMES // 2, len(starts))).astype(int)]
    window = np.hanning(_SIZE)
    powers = np.array([np.abs(np.fft.rfft(wet[s : s + _SIZE] * window)) ** 2 for s in starts], np.float32)
    return np.quantile(powers, 0.1, axis=0).astype(np.float64) / _QUIETEST_TENTH


def _db(power: float) -> float:
    return float(10 * np.log10(power)) if power > 1e-28 else -np.inf
