"""A tracked pitch put into its right octave: trackers hear a strong harmonic as the fundamental now and then."""

from __future__ import annotations

import numpy as np

from fxlab.timbre.clarity import periodicity

_LOWEST_HZ = 40.0
_HIGHEST_HZ = 3000.0  # what is above is left out: harmonics beyond are weaker and noisier, and lags have fractions of samples
_DIVISORS = (2, 3, 4)
_UNLIKE = 0.07  # of neighbouring periods, in energy: with less the pitch is believed
_BETTER = 0.25  # of what is unlike must remain at the lower pitch: noise and glides are as unlike there
_EVEN = 0.005  # what the odd harmonics have of the energy, at most, where the octave above is the pitch
_TELLING = (1, 5, 7)  # harmonics of which a note has two, and the common period of an interval's two notes hasn't
_PRESENT_DB = -35.0  # below the strongest
_PERIODS, _HARMONICS = 8, 8


def in_octave(f0_hz: np.ndarray, audio: np.ndarray, at: np.ndarray, rate_hz: int) -> np.ndarray:
    """Fundamental frequency with harmonics that were taken for it corrected: a half to a quarter, or twice, of what was heard.

    A waveform is like itself one period later. One that isn't, but is after two, three or four of them, has that period; one
    that already is after half of it has that one.

    Args:
        f0_hz: Tracked, positive, (frames,).
        audio: Mono, (n,).
        at: Sample of the audio that each frame is centred on, (frames,).
        rate_hz: The audio's rate.

    Returns:
        float64 (frames,).
    """
    found = np.array(f0_hz, np.float64)
    size = 1 << max(len(audio) - 1, 1).bit_length()
    spectrum = np.fft.rfft(audio, size)
    spectrum[int(_HIGHEST_HZ * size / rate_hz) :] = 0
    low = np.fft.irfft(spectrum, size)[: len(audio)]

    def unlike(frames: np.ndarray, factor: float) -> np.ndarray:
        return 1 - periodicity(low, at[frames], rate_hz / (found[frames] * factor))

    every = np.arange(len(found))
    here = unlike(every, 1.0)
    least, factors = here.copy(), np.ones(len(found))
    for divisor in _DIVISORS:
        doubtful = every[(least > _UNLIKE) & (found / divisor > _LOWEST_HZ)]
        there = unlike(doubtful, 1 / divisor)
        better = there < _BETTER * least[doubtful]
        better[better] = _is_note(audio, at[doubtful[better]], found[doubtful[better]] / divisor, rate_hz)
        least[doubtful[better]], factors[doubtful[better]] = there[better], 1 / divisor
    sure = every[(here < _EVEN) & (2 * found < _HIGHEST_HZ / 1.5)]
    factors[sure[unlike(sure, 2.0) < _EVEN]] = 2
    return found * factors


def _is_note(audio: np.ndarray, at: np.ndarray, f0_hz: np.ndarray, rate_hz: int) -> np.ndarray:
    """Whether what repeats is one note, and not an interval, bool (frames,)."""
    note = np.zeros(len(at), bool)
    for frame, (middle, f0) in enumerate(zip(at, f0_hz, strict=True)):
        size = round(_PERIODS * rate_hz / f0)
        first = middle - size // 2
        part = audio[max(first, 0) : first + size]
        turn = np.exp(-2j * np.pi * f0 / rate_hz * np.arange(len(part)))
        turned, levels = np.hanning(len(part)) * part, []
        for _ in range(_HARMONICS):
            turned = turned * turn
            levels.append(abs(turned.sum()))
        shares = np.array(levels)[np.array(_TELLING) - 1] / max(*levels, 1e-20)
        note[frame] = np.median(shares) > 10 ** (_PRESENT_DB / 20)
    return note
