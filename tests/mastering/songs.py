"""Songs that tests make: coloured noise in beats, wide or narrow, loud or soft; of real ones there are few."""

from __future__ import annotations

import numpy as np

from fxlab.audio import biquad

RATE = 44_100


def song(seed: int = 0, seconds: float = 4.0, rate: int = RATE, channels: int = 2, slope_db: float = -4.5) -> np.ndarray:
    """(channels, frames) float32 with its peak at -1 dB: noise that falls by `slope_db` per octave above 100 Hz, in beats."""
    rng = np.random.default_rng(seed)
    frames = round(seconds * rate)
    spectrum = np.fft.rfft(rng.standard_normal((2, frames)))
    octaves = np.log2(np.maximum(np.fft.rfftfreq(frames, 1 / rate), 20) / 100)
    noise = np.fft.irfft(spectrum * 10 ** (np.where(octaves > 0, slope_db * octaves, 6 * octaves) / 20), frames)
    beat = 0.15 + np.exp(-8 * ((np.arange(frames) / rate * 2) % 1.0))
    middle, side = noise[0] * beat, 0.4 * noise[1] * beat
    audio = np.stack((middle + side, middle - side))[:channels]
    return (audio * (10 ** (-1 / 20) / np.abs(audio).max())).astype(np.float32)


def equalised(audio: np.ndarray, hz: float, db: float, rate: int = RATE) -> np.ndarray:
    """The song with a bell."""
    sections = biquad.peaking(hz, db, 1.0, rate)[None]
    out = np.empty_like(audio)
    biquad.run_cascade(audio, out, sections, np.zeros((len(audio), 1, 2)))
    return out
