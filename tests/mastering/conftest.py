"""Songs for tests of mastering: analyses of noise that is shaped like music."""

from __future__ import annotations

import numpy as np
import pytest

from fxlab.audio.bands import CENTRES_HZ
from fxlab.mastering.analysis import Analyser, Analysis


@pytest.fixture(scope="session")
def song():
    """`song(seconds=3, rate=44_100, channels=2, seed=0, tilt_db=-3, width=0.5, swing_db=12)`: noise as float32 (channels, n).

    Its spectrum falls by `tilt_db` per octave more than white noise's, its sides are `width` times its mid, and twice a second
    its level jumps up by `swing_db` and decays.
    """

    def make(seconds=3.0, rate=44_100, channels=2, seed=0, tilt_db=-3.0, width=0.5, swing_db=12.0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        frames = round(seconds * rate)
        hz = np.maximum(np.fft.rfftfreq(frames, 1 / rate), 30.0)
        shape = (hz / 1000) ** (tilt_db / 6.02)
        mid, side = (np.fft.irfft(np.fft.rfft(rng.standard_normal(frames)) * shape, frames) for _ in range(2))
        level = 10 ** (swing_db / 20 * np.exp(-6 * (np.arange(frames) / rate % 0.5)))
        audio = (np.stack((mid + width * side, mid - width * side)) if channels == 2 else np.tile(mid, (channels, 1))) * level
        return (0.5 * audio / np.abs(audio).max()).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def analysed():
    """`analysed(audio, rate=44_100)`: its `Analysis`."""

    def analyse(audio, rate=44_100) -> Analysis:
        analyser = Analyser(rate, len(audio))
        for start in range(0, audio.shape[1], 32_768):
            analyser.add(audio[:, start : start + 32_768])
        return analyser.analysis()

    return analyse


@pytest.fixture(scope="session")
def equalised():
    """`equalised(audio, curve_db, rate=44_100)`: audio with the gains (27,) applied by its FFT, between them by interpolation."""

    def equalise(audio, curve_db, rate=44_100) -> np.ndarray:
        hz = np.maximum(np.fft.rfftfreq(audio.shape[1], 1 / rate), 1.0)
        gain = 10 ** (np.interp(np.log(hz), np.log(CENTRES_HZ), curve_db) / 20)
        return np.fft.irfft(np.fft.rfft(audio, axis=1) * gain, audio.shape[1], axis=1).astype(np.float32)

    return equalise
