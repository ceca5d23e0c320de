"""The settings of instruments: how one is trained, and how its automaton is."""

from __future__ import annotations

from dataclasses import dataclass

from fxlab.errors import UsageError
from fxlab.setting import setting, shown


def _scales(values: list) -> None:
    for value in values:
        if type(value) is not int or not 16 <= value <= 16_384 or value & (value - 1):
            raise UsageError(
                f"scales: {shown(value)} is no size of a spectrum.", "Use powers of two from 16 to 16384, as in [2048, 512, 64]."
            )
    if not values:
        raise UsageError("scales is empty.", "Name one size at least, as in [2048, 512, 64].")


@dataclass
class GrowSettings:
    """How an instrument is trained (`fxlab train --model ddsp`, `fxlab grow`), beside what `TrainSettings` says."""

    segment_s: float = setting(1.0, "Length of the segments that it learns from.", 0.1, 30.0)
    hold_out: float = setting(0.15, "Share of every recording, from its middle, that is kept to judge by.", 0.02, 0.5)
    scales: list = setting([2048, 1024, 512, 256, 128, 64], "Sizes of the spectra that are compared.", accepts=_scales)
    time_weight: float = setting(0.0, "Weight of the mean absolute error of the waveform, whose phase nobody controls.", 0, 1000)
    perceptual_weight: float = setting(0.0, "Weight of the error in A-weighted decibels of a mel spectrum.", 0, 1000)
    timbre_dropout: float = setting(0.75, "Share of segments that are learnt without coefficients of timbre.", 0, 1)
    reverb_s: float = setting(0.0, "Length of an impulse response that is learnt with it; 0 for none.", 0, 4.0)
    teacher: str = setting("", "An instrument to learn from besides the recordings (distillation).")
    teacher_weight: float = setting(1.0, "Weight of the distance from what the teacher plays.", 0, 1000)
    automaton: str = setting("grown", "What grows it; classic has one channel.", choices=("grown", "classic", "none"))
    iterations: int = setting(1000, "Iterations of the automaton's training.", 1, 1_000_000)
    steps: int = setting(32, "Steps of the automaton until the instrument is grown.", 24, 1024)
