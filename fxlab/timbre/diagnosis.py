"""What is wrong with a recording from which an instrument is to be learnt, in words, each with a way out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fxlab.audio.alignment_defects import clipping
from fxlab.audio.resampling import resample
from fxlab.timbre.clarity import RATE_HZ, Clarity, clarity
from fxlab.timbre.frames import Features

SHORTEST_S = 0.5
"""Of sound, from which anything can be learnt."""
_SEVERAL = 0.3  # share of several notes at once from which on nothing can be learnt
_SOME = 0.18
_CLEAR = 0.25  # share of clear notes below which nothing can be learnt
_WITHOUT = 0.4
_NOISY_DB = -19.0
_PAUSE_DB = 40.0
_TOPS = 5
_LOUDEST = 10.0  # peak: files whose float samples are whole numbers in truth lie far above


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Args:
        kind: too-short, too-loud, silent, polyphonic, unvoiced, clipped or noisy.
        text: What is heard, with its measure.
        hint: What to do about it.
        fatal: Whether nothing can be learnt from the recording.
    """

    kind: str
    text: str
    hint: str
    fatal: bool


def diagnose(audio: np.ndarray, rate_hz: int, features: Features) -> list[Finding]:
    """What is wrong with a recording of an instrument, the worst first; nothing for one note at a time, clean and in sight.

    Args:
        audio: Mono, (frames,).
        rate_hz: Its sample rate, any.
        features: As `fxlab.timbre.features.extract` makes them of it.
    """
    heard = clarity(resample(audio, rate_hz, RATE_HZ), features)
    if heard.seconds == 0:
        return [Finding("silent", "Nothing is heard in it.", "Record it anew, nearer or with more gain.", True)]
    if heard.seconds < SHORTEST_S:
        text = f"Only {heard.seconds:.2f} s of it sound; an instrument needs {SHORTEST_S:g} s at the very least."
        return [Finding("too-short", text, "Give more recordings, or longer ones: ten seconds of varied notes do well.", True)]
    peak = float(np.abs(audio).max())
    if peak > _LOUDEST:
        text = f"It is {20 * np.log10(peak):.0f} dB louder than full scale."
        return [Finding("too-loud", text, "Save it again with samples from -1 to 1: such a file is scaled wrongly.", True)]
    noise = _noise(heard)
    notes, clipped = _notes(heard, noisy=bool(noise)), _clipped(audio)
    # Without notes there is nothing that noise could be measured against.
    return notes + clipped + ([] if any(finding.fatal for finding in notes) else noise)


def _notes(heard: Clarity, noisy: bool) -> list[Finding]:
    several = heard.several >= _SEVERAL
    if several or (heard.several >= _SOME and heard.clear >= _CLEAR):
        text = f"Several notes sound at once in {_percent(heard.several)} of what sounds."
        hint = "Use recordings of one note at a time: no chords, double stops, accompaniment, ringing strings or bells."
        return [Finding("polyphonic", text, hint, several)]
    nothing = heard.clear < _CLEAR
    if nothing or (1 - heard.clear - heard.several >= _WITHOUT and not noisy):
        text = f"Only {_percent(heard.clear)} of what sounds has a clear pitch (47 to 2094 Hz)."
        hint = "An instrument learns from notes, not from drums, speech or noise; cut those parts out, or take another recording."
        return [Finding("unvoiced", text, hint, nothing)]
    return []


def _noise(heard: Clarity) -> list[Finding]:
    hint = "The instrument will learn the noise too; record it nearer and in a quieter room, or remove the noise first."
    if heard.flatness_db > _NOISY_DB:
        return [Finding("noisy", "Noise sounds along with the notes, nearly as loud as they are.", hint, False)]
    if heard.pause_db < _PAUSE_DB:
        return [Finding("noisy", f"In its pauses there is noise, {heard.pause_db:.0f} dB below the notes.", hint, False)]
    return []


def _clipped(audio: np.ndarray) -> list[Finding]:
    cut = clipping(audio)
    if cut.tops < _TOPS:
        return []
    text = f"It is clipped: {cut.tops} peaks are cut off flat at {cut.peak_db + 0.0:.1f} dB of full scale."
    return [Finding("clipped", text, "Record it again with less gain; the distortion would become part of the timbre.", False)]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
