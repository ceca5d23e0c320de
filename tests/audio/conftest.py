"""Injected misalignment, by other means than fxlab's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.interpolate


@pytest.fixture(scope="session")
def misaligned() -> Callable[..., np.ndarray]:
    """Delays a recording by any number of samples and lets its clock drift: oversampled by FFT, then a cubic spline."""

    def inject(audio: np.ndarray, delay: float, ppm: float = 0.0, over: int = 8) -> np.ndarray:
        spectrum = np.fft.rfft(np.asarray(audio, np.float64))
        padded = np.zeros(len(audio) * over // 2 + 1, complex)
        padded[: len(spectrum)] = spectrum * over
        fine = np.fft.irfft(padded, len(audio) * over)
        step = 1 + 1e-6 * ppm
        places = (np.arange(int(len(audio) * step + max(delay, 0))) - delay) / step
        inside = (places >= 0) & (places < len(audio) - 1)
        out = np.zeros(len(places))
        out[inside] = scipy.interpolate.CubicSpline(np.arange(len(fine)), fine)(places[inside] * over)
        return out.astype(np.float32)

    return inject


@pytest.fixture(scope="session")
def plucked() -> Callable[..., np.ndarray]:
    """Plucked notes of random pitch, level and time with a little noise: float32 by seed, seconds and rate."""

    def play(seed: int, seconds: float = 8.0, rate: int = 16_000) -> np.ndarray:
        rng = np.random.default_rng(seed)
        frames = int(seconds * rate)
        audio = 1e-5 * rng.normal(size=frames)
        for start in rng.integers(0, frames - 400, int(5 * seconds)):
            time = np.arange(min(frames - start, rate)) / rate
            pitch = rng.uniform(80, 400)
            tone = sum(np.sin(2 * np.pi * k * pitch * time + rng.uniform(0, 6)) / k for k in range(1, int(0.45 * rate / pitch)))
            audio[start : start + len(time)] += rng.uniform(0.02, 0.2) * tone * np.exp(-4 * time)
        return (0.7 * audio / np.abs(audio).max()).astype(np.float32)

    return play
