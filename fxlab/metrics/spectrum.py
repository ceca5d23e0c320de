"""What a non-linearity adds to a sine: harmonics, aliasing, noise and DC.

All spectra are taken of one period of a coherent tone: a whole number of cycles in a prime number of samples. No window
is needed then, and an alias never lands on a harmonic's bin, so the two can be told apart by their bins alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

FLOOR_DB = -300.0  # what a level of zero is reported as


@dataclass(frozen=True)
class Tone:
    """A coherent sine.

    Args:
        audio: float32, shape (lead + period,): the analysed period comes last, what leads in lets filters settle.
        period: Samples analysed, a prime number.
        cycles: Whole cycles of the sine in one period.
        frequency_hz: Its exact frequency.
    """

    audio: np.ndarray
    period: int
    cycles: int
    frequency_hz: float


def coherent_sine(frequency_hz: float, rate_hz: float, amplitude: float = 0.5, period: int = 0, lead: int = 0) -> Tone:
    """A sine with a whole number of cycles in its last `period` samples.

    Args:
        frequency_hz: Wished frequency, 0 < f < rate / 2; the nearest coherent one is taken.
        rate_hz: Sample rate.
        amplitude: Peak, 1 is full scale.
        period: Lower bound of the analysed samples, raised to the next prime; 0 means half a second.
        lead: Samples before them; 0 means half a period.

    Raises:
        ValueError: A frequency that isn't between 0 and half the rate.
    """
    if not 0 < frequency_hz < rate_hz / 2:
        raise ValueError(f"a tone of {frequency_hz:g} Hz doesn't exist at a sample rate of {rate_hz:g} Hz")
    period = _next_prime(max(period or round(rate_hz / 2), 7))
    lead = lead or period // 2
    cycles = min(max(1, round(frequency_hz * period / rate_hz)), (period - 1) // 2)
    phase = cycles * np.arange(-lead, period, dtype=np.int64) % period  # exact integers: no phase drift in long tones
    audio = (amplitude * np.sin(2 * np.pi / period * phase)).astype(np.float32)
    return Tone(audio, period, cycles, cycles * rate_hz / period)


def harmonics(output: np.ndarray, tone: Tone) -> np.ndarray:
    """Amplitudes of DC (index 0), fundamental (1) and every harmonic below half the sample rate.

    Args:
        output: Shape (frames,), what a processor made of `tone.audio`; its last `tone.period` samples are analysed.
    """
    amplitudes = _amplitudes(output, tone)
    return amplitudes[:: tone.cycles]


def thd_db(output: np.ndarray, tone: Tone) -> float:
    """Total harmonic distortion in dB: RMS sum of the harmonics from the 2nd / fundamental (THD_F), aliases not counted."""
    found = harmonics(output, tone)
    return _db(float(np.sum(found[2:] ** 2)), float(found[1] ** 2))


def aliasing_to_signal_db(output: np.ndarray, tone: Tone) -> float:
    """Aliasing-to-signal ratio in dB, full band: energy outside the harmonics / energy at them (arXiv 2505.04082).

    DC counts on neither side. Whatever isn't harmonic is counted as aliasing, noise included.
    """
    energy = _amplitudes(output, tone) ** 2
    harmonic = float(np.sum(energy[tone.cycles :: tone.cycles]))
    energy[:: tone.cycles] = 0.0
    return _db(float(np.sum(energy)), harmonic)


def noise_floor_db(output: np.ndarray) -> float:
    """RMS in dB of full scale of what a processor makes out of silence, its DC excluded."""
    output = np.asarray(output, dtype=np.float64)
    return _db(float(np.mean((output - output.mean(axis=-1, keepdims=True)) ** 2)), 1.0)


def dc_on_silence(output: np.ndarray) -> float:
    """Mean of what a processor makes out of silence, 1 is full scale."""
    return float(np.mean(output, dtype=np.float64))


def _amplitudes(output: np.ndarray, tone: Tone) -> np.ndarray:
    output = np.asarray(output, dtype=np.float64)
    if output.ndim != 1 or len(output) < tone.period:
        raise ValueError(f"expected (frames,) with at least {tone.period} frames, not {output.shape}")
    amplitudes = np.abs(np.fft.rfft(output[-tone.period :])) * (2 / tone.period)
    amplitudes[0] /= 2
    return amplitudes


def _db(part: float, whole: float) -> float:
    if part <= 0 or math.isnan(part):
        return math.nan if math.isnan(part) else FLOOR_DB
    return max(FLOOR_DB, 10 * math.log10(part / whole)) if whole > 0 else math.inf


def _next_prime(number: int) -> int:
    while any(number % divisor == 0 for divisor in range(2, math.isqrt(number) + 1)):
        number += 1
    return number
