"""Training material from nothing: sweeps, multi-tones, noise bursts, plucked strings and decaying chords.

A programme is a row of segments, each of one family at one peak level between -60 and 0 dBFS, so that a network sees a
non-linearity at every level and frequency. Everything follows from one seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxlab.audio import strings
from fxlab.errors import UsageError

VERSION = 1
"""Grows whenever the same seed gives other samples."""

FAMILIES = ("sweep", "multitone", "noise", "pluck", "chord")
LEVELS_DB = (0.0, -3.0, -6.0, -10.0, -15.0, -20.0, -30.0, -45.0, -60.0)

_SEGMENT_S = 2.0
_SHORTEST_SEGMENT_S = 0.05


@dataclass(frozen=True)
class Segment:
    """A stretch of one family.

    Args:
        family: One of `FAMILIES`.
        start: First sample in the programme.
        frames: Length in samples, the silent gap at the end included.
        level_db: Peak level in dB of full scale.
        seed: Seeds everything random in it.
    """

    family: str
    start: int
    frames: int
    level_db: float
    seed: tuple[int, ...]


def programme(seconds: float, sample_rate_hz: int, seed: int) -> list[Segment]:
    """The segments of a programme: families in equal shares and shuffled order, each family through all levels from 0 dBFS.

    Args:
        seconds: Length; segments last about 2 s, less in a programme under 10 s so that every family occurs.
        sample_rate_hz: 8-192 kHz.
        seed: 0 or more.

    Raises:
        UsageError: Less than a sample.
    """
    frames = round(seconds * sample_rate_hz)
    if frames < 1:
        raise UsageError(f"Can't synthesise {seconds:g} s of test signals.", "A few seconds at least; minutes for training.")
    count = max(1, min(max(len(FAMILIES), round(seconds / _SEGMENT_S)), int(seconds / _SHORTEST_SEGMENT_S)))
    rng = np.random.default_rng([seed, VERSION])
    order: list[str] = []
    while len(order) < count:
        order += [FAMILIES[i] for i in rng.permutation(len(FAMILIES))]
    levels = {family: _levels(rng) for family in FAMILIES}
    borders = [round(i * frames / count) for i in range(count + 1)]
    return [
        Segment(family, borders[i], borders[i + 1] - borders[i], next(levels[family]), (seed, VERSION, i))
        for i, family in enumerate(order[:count])
    ]


def synthesize(seconds: float, sample_rate_hz: int, seed: int) -> np.ndarray:
    """The sound of `programme(seconds, sample_rate_hz, seed)`: float32 (frames,), its peak exactly 1."""
    segments = programme(seconds, sample_rate_hz, seed)
    return np.concatenate([render(segment, sample_rate_hz) for segment in segments])


def render(segment: Segment, sample_rate_hz: int) -> np.ndarray:
    """One segment: float32 (frames,), faded in and out, its mean 0 and its peak at `level_db`."""
    rng = np.random.default_rng(segment.seed)
    sounding = segment.frames - int(min(rng.uniform(0.05, 0.2) * sample_rate_hz, 0.2 * segment.frames))
    sound = _GENERATORS[segment.family](rng, sounding, sample_rate_hz)
    window = _fades(sounding, int(0.004 * sample_rate_hz))
    sound = sound * window
    # Taking the mean off under the window leaves both ends at zero.
    sound -= window * (sound.sum() / max(window.sum(), 1e-12))
    peak = np.abs(sound).max(initial=0.0)
    out = np.zeros(segment.frames, np.float32)
    if peak > 0:
        out[:sounding] = sound * (10 ** (segment.level_db / 20) / peak)
    return out


def sweep(rng: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    """A logarithmic sweep over 20 Hz to 20 kHz (0.45 of the rate at most), up or down, steady or swelling."""
    low, high = 20.0, min(20_000.0, 0.45 * rate)
    octaves = math.log(high / low)
    position = np.arange(frames) / max(frames, 1)
    phase = 2 * np.pi * low * frames / rate / octaves * np.expm1(position * octaves)
    sound = np.sin(phase if rng.random() < 0.5 else phase[::-1])
    if rng.random() < 0.4:
        swell_db = rng.uniform(10, 40) * (position - 1)
        sound *= 10 ** ((swell_db if rng.random() < 0.5 else swell_db[::-1]) / 20)
    return sound


def multitone(rng: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    """One to thirty sines with random frequencies (log-uniform, 30 Hz to 16 kHz), phases and levels (20 dB range)."""
    count = int(rng.choice([1, 2, 2, 3, 5, 10, 30]))
    time_s = np.arange(frames) / rate
    sound = np.zeros(frames)
    for _ in range(count):
        frequency_hz = math.exp(rng.uniform(math.log(30.0), math.log(min(16_000.0, 0.45 * rate))))
        # Falling with frequency, as music does: otherwise most of the energy would lie above the guitar's range.
        amplitude = 10 ** (rng.uniform(-20, 0) / 20) / math.sqrt(1 + frequency_hz / 1000)
        sound += amplitude * np.sin(2 * np.pi * frequency_hz * time_s + rng.uniform(0, 2 * np.pi))
    return sound


def noise(rng: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    """Bursts of white or pink noise, full-band or band-limited, at levels 0 to -60 dB, with silence between them."""
    spectrum = np.fft.rfft(rng.standard_normal(frames))
    frequencies = np.fft.rfftfreq(frames, 1 / rate)
    if rng.random() < 0.5:
        spectrum /= np.sqrt(np.maximum(frequencies, 20.0))
    if rng.random() < 0.6:
        low = math.exp(rng.uniform(math.log(20.0), math.log(0.1 * rate)))
        high = min(low * 2 ** rng.uniform(0.5, 6), 0.5 * rate)
        # Edges of a 24 dB/octave Butterworth band.
        spectrum *= 1 / np.sqrt(1 + (frequencies / high) ** 8)
        spectrum *= 1 / np.sqrt(1 + (low / np.maximum(frequencies, 1e-3)) ** 8)
    sound = np.fft.irfft(spectrum, frames)
    sound /= max(np.abs(sound).max(initial=0.0), 1e-12)
    gate = np.zeros(frames)
    start, first = 0, True
    while start < frames:
        length = min(frames - start, max(1, int(rate * rng.choice([0.02, 0.1, 0.3, 0.8]) * rng.uniform(0.7, 1.3))))
        level_db = 0.0 if first else rng.choice([0, 0, -6, -6, -12, -24, -36, -48, -60])
        gate[start : start + length] = 10 ** (level_db / 20) * _fades(length, int(0.002 * rate))
        start += length + max(1, int(rate * rng.uniform(0.01, 0.15)))
        first = False
    return sound * gate


_GENERATORS = {"sweep": sweep, "multitone": multitone, "noise": noise, "pluck": strings.notes, "chord": strings.chord}


def _levels(rng: np.random.Generator):
    """All levels over and over: full scale first, then each round in a new order."""
    yield LEVELS_DB[0]
    yield from (LEVELS_DB[1 + i] for i in rng.permutation(len(LEVELS_DB) - 1))
    while True:
        yield from (LEVELS_DB[i] for i in rng.permutation(len(LEVELS_DB)))


def _fades(frames: int, fade: int) -> np.ndarray:
    """One, with raised-cosine edges from and to zero over at most a quarter of the length each."""
    window = np.ones(frames)
    fade = min(fade, frames // 4)
    edge = 0.5 - 0.5 * np.cos(np.pi * np.arange(fade) / max(fade, 1))
    window[:fade] = edge
    window[frames - fade :] = edge[::-1]
    return window
