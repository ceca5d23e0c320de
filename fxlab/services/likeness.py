"""How well a network does what its DSP target does: on the bench's audio, on a sine and on silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.effects.processor import Processor, apply
from fxlab.metrics import mushra, quality, spectrum

TONE_HZ, TONE_AMPLITUDE = 1245.0, 0.5
"""The sine: high enough for its harmonics to alias, at -6 dB of full scale."""
_SILENCE_S = 0.5
_BLOCK = 8192


@dataclass(frozen=True)
class Character:
    """What a processor does to a sine and to silence.

    Args:
        thd_db: Total harmonic distortion of the sine in dB.
        aliasing_db: Everything outside its harmonics over the harmonics, in dB (arXiv 2505.04082).
        noise_db: RMS of its output on silence, without DC, in dB of full scale.
        dc: Mean of its output on silence, 1 is full scale.
    """

    thd_db: float
    aliasing_db: float
    noise_db: float
    dc: float


@dataclass(frozen=True)
class Likeness:
    """How near an output is to its target's on the same audio: `fxlab.metrics.quality`, and the word for the ESR.

    `mushra` is the rating that listeners would give, `mfcc_distance` what it rests on (`fxlab.metrics.mushra`); None on audio
    that is too short.
    """

    esr: float
    esr_pre: float
    mr_stft: float
    dc_error: float
    mushra: float | None
    mfcc_distance: float | None
    verdict: str


def settling(processor: Processor, rate_hz: int) -> int:
    """Samples of sine before the analysed period: a quarter of a second, or until the onset has died away.

    What is left of the onset would be counted as aliasing. The processor is prepared anew: it knows its tail only then.
    """
    processor.prepare(rate_hz, 1, _BLOCK)
    return max(rate_hz // 4, processor.latency + processor.tail)


def character(processor: Processor, rate_hz: int, lead: int = 0) -> Character:
    """Measures a processor at a sample rate; it is prepared anew.

    Args:
        lead: Samples of sine before the analysed period, raised to what the processor needs to settle.
    """
    tone = spectrum.coherent_sine(TONE_HZ, rate_hz, TONE_AMPLITUDE, lead=max(lead, settling(processor, rate_hz)))
    wet = apply(processor, tone.audio, rate_hz)
    lead = processor.latency + processor.tail
    silent = apply(processor, np.zeros(lead + round(_SILENCE_S * rate_hz), np.float32), rate_hz)[lead:]
    return Character(
        thd_db=spectrum.thd_db(wet, tone),
        aliasing_db=spectrum.aliasing_to_signal_db(wet, tone),
        noise_db=spectrum.noise_floor_db(silent),
        dc=spectrum.dc_on_silence(silent),
    )


def likeness(target: np.ndarray, output: np.ndarray, rate_hz: int) -> Likeness:
    """The figures of one output against its target, both (frames,) with the same delay."""
    error = quality.esr(target, output)
    predicted = mushra.predict(target, output, rate_hz)
    return Likeness(
        esr=error,
        esr_pre=quality.pre_emphasised_esr(target, output),
        mr_stft=quality.mr_stft(target, output),
        dc_error=quality.dc_error(target, output),
        mushra=predicted and predicted.mushra,
        mfcc_distance=predicted and predicted.distance,
        verdict=quality.verdict(error),
    )


def compare(
    network: Processor, target: Processor, audio: np.ndarray, rate_hz: int
) -> tuple[Likeness | None, Character, Character]:
    """A network against its target: likeness (None where the target is silent), the network's character, the target's.

    Both are compared as they come out: a network learns its target's delay along with the rest.

    Args:
        audio: float32 (1, frames) at `rate_hz`.
    """
    wanted = apply(target, audio, rate_hz)[0]
    found = apply(network, audio, rate_hz)[0]
    lead = max(settling(target, rate_hz), settling(network, rate_hz))  # both hear the same tone
    of_target = character(target, rate_hz, lead)
    of_network = character(network, rate_hz, lead)
    return likeness(wanted, found, rate_hz) if wanted.any() else None, of_network, of_target
