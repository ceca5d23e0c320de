"""How fast and how exactly the synthesizer plays: seconds of sound per second, and its error against sines in float64."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import Controls, hertz_of
from fxlab.timbre.oscillators import sines
from fxlab.timbre.synthesizer import render

RATES_HZ = (22_050, 44_100, 48_000)
SECONDS = 16.0
_REPEATS = 7


@dataclass(frozen=True)
class Speed:
    """Of one output rate.

    Args:
        rate_hz: Of the output.
        real_time: Seconds of sound per second of one thread, median.
        error_db: RMS of the harmonic part's error over that of the sound.
    """

    rate_hz: int
    real_time: float
    error_db: float


def speeds(config: InstrumentConfig, seed: int) -> list[Speed]:
    """Of a melody that glides over five octaves, all harmonics and noise bands sounding."""
    controls = _melody(config, seed)
    found = []
    for rate_hz in RATES_HZ:
        harmonic, _ = render(controls, config, rate_hz, seed)  # compiled, or read from the cache
        times = []
        for _ in range(_REPEATS):
            began = time.perf_counter()
            render(controls, config, rate_hz, seed)
            times.append(time.perf_counter() - began)
        exact = sines(config, rate_hz, controls.f0_hz, controls.harmonics)
        error = harmonic[: len(exact)] - exact
        error_db = float(10 * np.log10(np.mean(error**2) / np.mean(exact**2)))
        found.append(Speed(rate_hz, SECONDS / float(np.median(times)), error_db))
    return found


def _melody(config: InstrumentConfig, seed: int) -> Controls:
    rng = np.random.default_rng(seed)
    frames = round(SECONDS * config.frame_rate_hz)
    midi = np.interp(np.arange(frames), np.linspace(0, frames, 33), rng.uniform(36, 96, 33))
    harmonics = rng.uniform(0, 1 / config.harmonics, (frames, config.harmonics)).astype(np.float32)
    noise = rng.uniform(0, 0.05, (frames, config.bands)).astype(np.float32)
    return Controls(hertz_of(midi), harmonics, noise, config.frame_rate_hz)
