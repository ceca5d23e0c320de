"""Sounds whose pitch is known."""

from __future__ import annotations

import numpy as np

RATE_HZ = 22_050


def note(f0_hz, seconds: float = 1.0, partials: int = 30, seed: int = 0) -> np.ndarray:
    """float32 harmonics of random phase, falling by 7 dB an octave; `f0_hz` a number or one for each sample."""
    rng = np.random.default_rng(seed)
    track = np.broadcast_to(np.asarray(f0_hz, np.float64), (round(seconds * RATE_HZ),))
    cycles = np.cumsum(track) / RATE_HZ
    audio = np.zeros(len(track))
    for k in range(1, partials + 1):
        audio += np.where(k * track < 0.45 * RATE_HZ, k**-1.2, 0) * np.cos(2 * np.pi * (k * cycles + rng.random()))
    return np.asarray(0.3 * audio / np.abs(audio).max(), np.float32)


def vibrato(f0_hz: float, seconds: float = 1.0, cents: float = 50.0, rate_hz: float = 5.5) -> np.ndarray:
    """Frequency of each sample."""
    return f0_hz * 2 ** (cents / 1200 * np.sin(2 * np.pi * rate_hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ))


def cents(first, second) -> np.ndarray:
    return 1200 * np.log2(np.asarray(first, np.float64) / second)
