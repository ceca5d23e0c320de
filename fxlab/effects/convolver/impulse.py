"""From a file or the built-in cabinet to the taps of a filter at the rate of the audio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fxlab.audio import biquad
from fxlab.audio.files import Reader
from fxlab.audio.resampling import resample
from fxlab.effects.convolver import CABINET
from fxlab.errors import InputError

MOST_CHANNELS = 64  # a sphere of loudspeakers has as many; more is a mistake that would fill the memory

_CABINET_RATE_HZ, _CABINET_S = 48_000, 0.06  # by then it has fallen by more than 120 dB
_PINK_HZ = (20.0, 20_000.0)
_MARGIN_S = 0.01  # how far soxr's filter is heard before the sample it belongs to
_FINEST = 1 << 16


@dataclass(frozen=True)
class Impulse:
    """An impulse response as it was recorded.

    Args:
        audio: (channels, frames), finite, not silent.
        sample_rate_hz: Its own rate.
        name: For messages.
    """

    audio: np.ndarray
    sample_rate_hz: int
    name: str


def load(ir: str, max_s: float) -> Impulse:
    """The built-in response or the file called `ir`, of which no more than `max_s` seconds are read.

    Raises:
        InputError: A file that is missing, damaged, no audio, silent, or has samples that are not numbers or too many channels.
    """
    if ir == CABINET:
        return Impulse(cabinet()[:, : _frames(max_s, _CABINET_RATE_HZ)], _CABINET_RATE_HZ, ir)
    with Reader(ir) as reader:
        rate, channels = reader.info.sample_rate_hz, reader.info.channels
        if channels > MOST_CHANNELS:
            raise InputError(f"{ir} has {channels} channels.", f"An impulse response has at most {MOST_CHANNELS}.")
        wanted, pieces, frames = _frames(max_s, rate), [], 0
        for piece in reader.blocks(8192):
            pieces.append(piece)
            frames += piece.shape[1]
            if frames >= wanted:
                break
        if reader.replaced:
            raise InputError(f"{ir} holds {reader.replaced} samples that are not numbers.", "Export it again.")
    audio = np.concatenate(pieces, axis=1)[:, :wanted]
    if not audio.any():
        begins = "begins with" if reader.info.frames > wanted else "is"
        raise InputError(f"{ir} {begins} {audio.shape[1] / rate:.3g} s of silence.", "Choose another impulse response.")
    return Impulse(audio, rate, ir)


def cabinet() -> np.ndarray:
    """A closed cabinet with guitar loudspeakers, close up: (1, frames) at 48 kHz, minimum phase.

    No measurement, but what measured ones have in common: nothing below the resonance at 110 Hz, a hollow of 4 dB at 450 Hz,
    6 dB of presence around 2.5 kHz and a fall of 24 dB per octave from 5 kHz on.
    """
    rate = _CABINET_RATE_HZ
    sections = np.stack(
        (
            biquad.highpass(75.0, 0.9, rate),
            biquad.peaking(110.0, 3.0, 1.0, rate),
            biquad.peaking(450.0, -4.0, 0.8, rate),
            biquad.peaking(2_500.0, 6.0, 1.0, rate),
            # Butterworth of fourth order
            biquad.lowpass(5_000.0, 0.5 / math.cos(math.pi / 8), rate),
            biquad.lowpass(5_000.0, 0.5 / math.sin(math.pi / 8), rate),
        )
    )
    click = np.zeros((1, _frames(_CABINET_S, rate)))
    click[0, 0] = 1.0
    return biquad.reference_cascade(click, sections, np.zeros((1, len(sections), 2)))[0]


def taps(impulse: Impulse, sample_rate_hz: int, gain_db: float, normalize: str, mix: float) -> np.ndarray:
    """The whole effect as one filter, float64 (channels of the response, N), N at least 1.

    Args:
        impulse: What is convolved with.
        sample_rate_hz: Rate of the audio.
        gain_db, normalize, mix: As declared in `fxlab.effects.convolver`.
    """
    wet = at_rate(impulse, sample_rate_hz) * (10.0 ** (gain_db / 20.0) * level(impulse, normalize))
    result = mix * wet
    result[:, 0] += 1.0 - mix
    return result


def level(impulse: Impulse, normalize: str) -> float:
    """The factor that `normalize` means, the same for all channels."""
    if normalize == "none":
        return 1.0
    size = max(_FINEST, 4 << (impulse.audio.shape[1] - 1).bit_length())
    hz = np.fft.rfftfreq(size, 1.0 / impulse.sample_rate_hz)
    powers = (np.abs(np.fft.rfft(channel.astype(np.float64), size)) ** 2 for channel in impulse.audio)
    if normalize == "peak":
        return max(float(power.max()) for power in powers) ** -0.5
    band = (hz >= _PINK_HZ[0]) & (hz <= _PINK_HZ[1])
    return float(np.mean([np.average(power[band], weights=1.0 / hz[band]) for power in powers])) ** -0.5


def at_rate(impulse: Impulse, sample_rate_hz: int) -> np.ndarray:
    """The response at another rate with its frequency response kept, float64 (channels, N).

    Bandlimited, every sample is spread to both sides. What comes after the last one is kept, what comes before the first one
    would be a sound before its cause. Left out it would be missed: a response that begins with its loudest sample loses 4 dB
    at four times the rate. So it is mirrored to behind the first sample, which is exact for low frequencies.
    """
    own = impulse.sample_rate_hz
    if own == sample_rate_hz:
        return impulse.audio.astype(np.float64)
    common = math.gcd(own, sample_rate_hz)
    units = math.ceil(_MARGIN_S * common)  # a whole number of samples at both rates
    margin, early = units * (own // common), units * (sample_rate_hz // common)
    whole = resample(np.pad(impulse.audio, ((0, 0), (margin, margin))), own, sample_rate_hz) * (own / sample_rate_hz)
    result = whole[:, early:].astype(np.float64)
    before = whole[:, early - min(early, result.shape[1] - 1) : early]
    result[:, 1 : 1 + before.shape[1]] += before[:, ::-1]
    return result


def _frames(seconds: float, rate_hz: int) -> int:
    return max(1, round(seconds * rate_hz))
