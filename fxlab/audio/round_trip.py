"""The time that sound takes out of an interface and back into it through a cable, measured with bursts of noise.

Each burst is another noise: like nothing else in what is heard, and found again to a small part of a sample by the peak of its
correlation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from fxlab.errors import CheckError, MissingError

LEAD_S, BURST_S, EVERY_S, COUNT, LONGEST_S = 1.0, 0.06, 0.25, 8, 1.0
LEVEL_DB = -12.0
FULL = 0.999
"""What a converter that is overdriven gives, or more."""
_CLEAR = 8.0  # a peak over the rest of the correlation; noise alone reaches 5
_AGREE_S = 0.5e-3
_AROUND = 32
_FINE = 16
_EDGE = 0.45  # of the sample rate, where the weight that makes the peak smooth has fallen to zero
_LOWEST_HZ = 40.0


@dataclass(frozen=True)
class RoundTrip:
    """What came back.

    Args:
        samples: The delay, the median of all bursts.
        spread: The longest less the shortest of them, in samples.
        polarity: 1 or -1.
        gain_db: Of the way out and in.
        noise_db: RMS of what was heard before the first burst, in dB of full scale; -inf for silence.
        channel: Of the input, from 0.
    """

    samples: float
    spread: float
    polarity: int
    gain_db: float
    noise_db: float
    channel: int


def signal(rate: int) -> np.ndarray:
    """What to play, float32 (frames,): silence, the bursts, and silence in which the last one may come back."""
    sound = np.zeros(round((LEAD_S + COUNT * EVERY_S + LONGEST_S) * rate), np.float32)
    for number in range(COUNT):
        burst = _burst(number, rate)
        sound[_start(number, rate) :][: len(burst)] = burst
    return sound


def find(heard: np.ndarray, rate: int, gaps: int = 0) -> RoundTrip:
    """The bursts in what was heard.

    Args:
        heard: float32 (channels, frames), from the moment at which `signal` began to be played.
        rate: Sample rate in Hz.
        gaps: That the device reported meanwhile, for the message.

    Raises:
        MissingError: They aren't there.
        CheckError: The input is overdriven, or the bursts don't agree.
    """
    silence = heard[:, round(LEAD_S * rate / 2) : round(LEAD_S * rate)]
    if np.count_nonzero(np.abs(heard) >= FULL) > 2:
        raise CheckError("The input is overdriven: what comes back clips.", "Turn its gain down, or the output's level.")
    starts = [_start(number, rate) for number in range(COUNT)]
    longest = round((LONGEST_S + BURST_S) * rate)
    channels = [
        [_coarse(line[start : start + longest], number, rate) for number, start in enumerate(starts)]
        for line in heard.astype(np.float64)
    ]
    clear = [sum(clarity > _CLEAR for _, clarity in found) for found in channels]
    channel = max(range(len(clear)), key=lambda c: (clear[c], np.median([clarity for _, clarity in channels[c]])))
    if clear[channel] < COUNT / 2:
        peak = float(np.abs(heard).max(initial=0))
        what = f"only noise, {20 * np.log10(peak):.0f} dB of full scale at most" if peak else "the input is silent"
        raise MissingError(
            f"Nothing of the signal came back: {what}.",
            "Connect the output to the input with a cable, turn the input up, or choose --input-device and --output-device.",
        )
    exact = [
        _exact(heard[channel].astype(np.float64), number, lag, rate)
        for number, (lag, clarity) in enumerate(channels[channel])
        if clarity > _CLEAR
    ]
    lags = np.array([lag for lag, _ in exact])
    spread = float(np.ptp(lags))
    if spread > _AGREE_S * rate or len(exact) < COUNT:
        missing = f", {COUNT - len(exact)} of {COUNT} bursts are lost" if len(exact) < COUNT else ""
        reported = f", and the device reported {gaps} gap{'s' * (gaps > 1)} (xruns)" if gaps else ""
        raise CheckError(
            f"The delay isn't steady: it is {lags.min():.0f} to {lags.max():.0f} samples{missing}{reported}.",
            "Sound is lost on the way, or input and output run on different clocks. Try a larger --buffer.",
        )
    gain = float(np.median([gain for _, gain in exact]))
    power = float(np.mean(silence[channel].astype(np.float64) ** 2))
    noise_db = 10 * np.log10(power) if power else -np.inf
    return RoundTrip(
        float(np.median(lags)), spread, 1 if gain > 0 else -1, float(20 * np.log10(abs(gain))), float(noise_db), channel
    )


def burst(rate: int) -> np.ndarray:
    """One burst, float32 (frames,)."""
    return _burst(0, rate).astype(np.float32)


def delay_of_burst(heard: np.ndarray, rate: int) -> int | None:
    """How late in samples `burst` is in what was heard, (frames,), since it began to be played; None if it isn't there."""
    lag, clarity = _coarse(heard.astype(np.float64), 0, rate)
    return lag if clarity > _CLEAR else None


def _start(number: int, rate: int) -> int:
    return round((LEAD_S + number * EVERY_S) * rate)


@cache
def _burst(number: int, rate: int) -> np.ndarray:
    """Without the highest frequencies, where converters would make peaks between the samples that are far above these."""
    signs = np.random.default_rng(number).choice([-1.0, 1.0], round(BURST_S * rate))
    burst = np.fft.irfft(np.fft.rfft(signs) * _weight(len(signs), rate), len(signs))
    return 10 ** (LEVEL_DB / 20) * burst / np.abs(burst).max()


def _weight(length: int, rate: int) -> np.ndarray:
    """Of each frequency of a transform: none of the lowest, less and less of the higher ones."""
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    return np.cos(np.pi / 2 * np.minimum(frequencies / (_EDGE * rate), 1)) ** 2 * (frequencies >= _LOWEST_HZ)


def _correlation(line: np.ndarray, burst: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Weighted cross spectrum of both, the burst's own, and the length of the transform."""
    length = 1 << (len(line) + len(burst) - 1).bit_length()
    weight, own = _weight(length, rate), np.fft.rfft(burst, length)
    return np.fft.rfft(line, length) * own.conj() * weight, np.abs(own) ** 2 * weight, length


def _coarse(line: np.ndarray, number: int, rate: int) -> tuple[int, float]:
    """The delay in samples of a burst that began to be played with the line, and by how much it stands out of all else."""
    burst = _burst(number, rate)
    spectrum, _, length = _correlation(line, burst, rate)
    found = np.abs(np.fft.irfft(spectrum, length)[: len(line) - len(burst)])
    lag = int(np.argmax(found))
    rest = np.concatenate((found[: max(0, lag - _AROUND)], found[lag + _AROUND :]))
    level = float(np.sqrt(np.mean(rest**2)))
    return lag, float(found[lag]) / level if level > 0 else 0.0


def _exact(line: np.ndarray, number: int, lag: int, rate: int) -> tuple[float, float]:
    """The delay to a part of a sample and the gain, negative where it came back upside down; of this burst alone."""
    burst = _burst(number, rate)
    start = max(0, _start(number, rate) + lag - _AROUND)
    spectrum, own, length = _correlation(line[start : start + len(burst) + 2 * _AROUND], burst, rate)
    offset = _start(number, rate) + lag - start
    places = offset + np.arange(-_FINE, _FINE + 1) / _FINE
    turns = 2j * np.pi / length * np.outer(places, np.arange(len(spectrum)))
    values = np.real(np.exp(turns) @ spectrum)
    at = min(max(int(np.argmax(np.abs(values))), 1), len(values) - 2)
    before, top, after = np.abs(values[at - 1 : at + 2])
    bend = before - 2 * top + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return lag + places[at] - offset + shift / _FINE, float(values[at] / own.sum())
