"""Plucked strings and strummed chords by extended Karplus-Strong synthesis.

A string is a delay line of one period whose output is filtered and fed back. K. Karplus and A. Strong, "Digital synthesis of
plucked-string and drum timbres", Computer Music Journal 7(2), 1983; D. Jaffe and J. Smith, "Extensions of the Karplus-Strong
plucked-string algorithm", same issue (tuning, decay, pick position). The loop filter here is a Gaussian, whose loss per period
grows with the square of the frequency as a string's internal losses do, so a string sounds alike at every sample rate.
"""

from __future__ import annotations

import math

import numpy as np

LOWEST_HZ, HIGHEST_HZ = 41.2, 1200.0

# Intervals above the root in semitones, as a guitarist voices them.
_VOICINGS = (
    (0, 7, 12),
    (0, 7, 12, 16, 19, 24),
    (0, 7, 12, 15, 19, 24),
    (0, 5, 12, 17),
    (0, 7, 10, 16, 19),
    (0, 3, 6, 9),
    (0, 12),
    (0, 7, 14, 19),
)


def pluck(
    rng: np.random.Generator, frames: int, rate: int, frequency_hz: float, t60_s: float, damping_s: float, brightness_hz: float
) -> np.ndarray:
    """One plucked string.

    Args:
        rng: Source of the excitation noise and the pick position.
        frames: Length in samples.
        rate: Sample rate in Hz, 8-192 kHz.
        frequency_hz: Pitch, 20-1200 Hz; exact to a small fraction of a sample's period.
        t60_s: Time in which the fundamental decays by 60 dB through the frequency-independent loss.
        damping_s: Standard deviation of the Gaussian loop filter in seconds, 5e-6 (bright) to 8e-5 (muted).
        brightness_hz: Cut-off of the excitation.

    Returns:
        float64 (frames,), without DC, not normalised.
    """
    period = rate / frequency_hz
    sigma = damping_s * rate
    reach = math.ceil(3.5 * sigma)
    # Third-order Lagrange interpolation is flattest when the fractional delay lies between its two middle taps.
    whole = math.floor(period) - 1
    fraction = period - whole
    gaussian = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-9)) ** 2)
    kernel = np.convolve(gaussian / gaussian.sum(), _lagrange(fraction)) * 10 ** (-3 / (frequency_hz * t60_s))
    nearest = max(1, whole - reach)
    history = len(kernel) - 1 + nearest
    line = np.zeros(history + frames)
    burst = _excitation(rng, math.ceil(period), rate, brightness_hz)[:frames]
    line[history : history + len(burst)] = burst
    # Every output sample depends on samples at least `nearest` before it: that many come out of one convolution.
    for start in range(history, history + frames, nearest):
        count = min(nearest, history + frames - start)
        past = line[start - history : start - nearest + count]
        line[start : start + count] += np.convolve(past, kernel, mode="valid")
    return line[history:]


def notes(rng: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    """A run of single plucked notes over the guitar's and the bass's range, some muted: float64 (frames,), peak about 1."""
    out = np.zeros(frames)
    start = 0
    while start < frames:
        step = int(rate * rng.choice([0.12, 0.25, 0.5, 1.0]) * rng.uniform(0.9, 1.1))
        frequency_hz = float(np.exp(rng.uniform(math.log(LOWEST_HZ), math.log(HIGHEST_HZ))))
        muted = rng.random() < 0.25
        length = min(frames - start, int(step * rng.uniform(0.7, 1.6)))
        note = _string(rng, length, rate, frequency_hz, muted) * 10 ** (rng.uniform(-18, 0) / 20)
        out[start : start + length] += note * _release(length, int(0.01 * rate))
        start += step
    return out


def chord(rng: np.random.Generator, frames: int, rate: int) -> np.ndarray:
    """Strummed chords that ring out, or palm-muted ones in a fast rhythm: float64 (frames,), peak about 1."""
    out = np.zeros(frames)
    muted = rng.random() < 0.4
    step = int(rate * (rng.uniform(0.11, 0.25) if muted else rng.uniform(0.6, 3.0)))
    root_hz = float(np.exp(rng.uniform(math.log(LOWEST_HZ), math.log(220.0))))
    voicing = _VOICINGS[rng.integers(len(_VOICINGS))]
    for start in range(0, frames, step):
        if not muted and start or rng.random() < 0.15:
            root_hz = float(np.clip(root_hz * 2 ** (rng.integers(-5, 6) / 12), LOWEST_HZ, 220.0))
            voicing = _VOICINGS[rng.integers(len(_VOICINGS))]
        strum = rng.uniform(0.0, 0.004 if muted else 0.04)
        loudness = 10 ** (rng.uniform(-9, 0) / 20)
        order = voicing if rng.random() < 0.7 else voicing[::-1]
        for position, semitones in enumerate(order):
            onset = start + int(position * strum * rate)
            length = min(frames, start + step) - onset
            if length <= 0:
                continue
            detuned = 2 ** ((semitones + rng.normal(0, 0.03)) / 12)
            string = _string(rng, length, rate, min(root_hz * detuned, HIGHEST_HZ), muted)
            out[onset : onset + length] += loudness * string * _release(length, int(0.005 * rate)) / math.sqrt(len(voicing))
    return out


def _string(rng: np.random.Generator, frames: int, rate: int, frequency_hz: float, muted: bool) -> np.ndarray:
    """A string of random character, its peak 1."""
    t60_s = rng.uniform(0.15, 0.6) if muted else rng.uniform(2.0, 12.0)
    damping_s = rng.uniform(2.5e-5, 6e-5) if muted else rng.uniform(5e-6, 2e-5)
    brightness_hz = rng.uniform(800, 3000) if muted else rng.uniform(2000, 9000)
    sound = pluck(rng, frames, rate, frequency_hz, t60_s, damping_s, brightness_hz)
    return sound / max(np.abs(sound).max(initial=0.0), 1e-12)


def _excitation(rng: np.random.Generator, length: int, rate: int, brightness_hz: float) -> np.ndarray:
    """One period of an ideal string's velocity after a pluck at a random place, roughened by noise; its mean is zero."""
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    harmonic = np.maximum(np.arange(len(frequencies)), 1)
    # A string plucked at a share p of its length moves with harmonics sin(n pi p) / n.
    place = rng.uniform(0.06, 0.4)
    roughness = np.fft.rfft(rng.standard_normal(length)) / math.sqrt(length)
    spectrum = np.sin(np.pi * harmonic * place) / harmonic * (1 + 0.5 * roughness)
    spectrum = spectrum / np.sqrt(1 + (frequencies / brightness_hz) ** 4)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, length)


def _lagrange(delay: float) -> np.ndarray:
    """Taps of third-order Lagrange interpolation for a delay of 1 to 2 samples."""
    taps = np.ones(4)
    for k in range(4):
        for j in range(4):
            if j != k:
                taps[k] *= (delay - j) / (k - j)
    return taps


def _release(frames: int, fade: int) -> np.ndarray:
    """One, falling to zero in a raised cosine at the end, as when a finger stops the string."""
    gain = np.ones(frames)
    fade = min(fade, frames)
    gain[frames - fade :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / max(fade, 1))
    return gain
