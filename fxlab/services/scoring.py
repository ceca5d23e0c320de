"""What a model's card says beyond its error: how listeners would rate it, and how far it is from its effect without aliasing.

A network learns a DSP effect from recordings of it, aliasing included. The same effect, 8 times oversampled, has next to none,
so it tells what a musician would rather have heard: whether the network copied the aliasing, added its own, or lost it. It also
lacks what lies above 20 kHz (5/12 of the sample rate), which oversampling filters out: little on a guitar, part of any noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor, apply
from fxlab.engines.loader import Opened, open_processor
from fxlab.errors import FxlabError
from fxlab.metrics import mushra, quality, spectrum
from fxlab.progress import Progress, silent
from fxlab.services.copied import declared, needs_file
from fxlab.services.likeness import TONE_AMPLITUDE, TONE_HZ, settling

TONES_HZ = (TONE_HZ, 2489.0, 4978.0)
"""The bench's tone and those one and two octaves above it, whose harmonics alias the more."""
OVERSAMPLE = 8

Stages = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Take:
    """One recording that a network was tested on.

    Args:
        dry: float32 (frames,).
        target: What the effect made of it; shorter than `dry` where its beginning isn't judged.
        output: What the network made of it, as long as `target`.
    """

    dry: np.ndarray
    target: np.ndarray
    output: np.ndarray


def open_target(stages: Stages) -> Opened | None:
    """The DSP that a network was trained to copy, from its card's `effect`; None where it can't be had here.

    What needs a file isn't had, be it a model or an impulse response: a card, which may be anybody's, opens no other files.
    Of a chain the parameters are named as `--set` takes them, by the stage's number.
    """
    if any(map(needs_file, stages)):
        return None
    try:
        opened = [open_processor(stage["name"], stage.get("parameters")) for stage in stages]
    except FxlabError:
        return None
    if len(opened) < 2:
        return opened[0] if opened else None
    parameters = {f"{n}.{name}": value for n, stage in enumerate(opened, 1) for name, value in stage.parameters.items()}
    engines = "+".join(dict.fromkeys(stage.engine for stage in opened))
    return Opened(" + ".join(stage.name for stage in opened), engines, Chain([stage.processor for stage in opened]), parameters)


def alias_free(stages: Stages) -> list[dict[str, Any]]:
    """The stages with all that can be oversampled 8 times oversampled; empty where none can."""
    found = [
        stage | {"parameters": {**stage.get("parameters", {}), "oversample": OVERSAMPLE}} if _has_oversampling(stage) else stage
        for stage in stages
    ]
    return found if any(map(_has_oversampling, stages)) else []


def card_metrics(
    network: Processor, stages: Stages, takes: Sequence[Take], progress: Progress = silent, varied: bool = False
) -> dict[str, Any]:
    """The part of a card's `metrics` that listeners and aliasing make up, as plain data for JSON.

    Args:
        network: The network on any engine; prepared anew.
        stages: `effect` of its card.
        takes: What it was tested on, at its rate.
        varied: The takes were made with other settings of the knobs than those of `stages`.

    Returns:
        predicted_mushra, mfcc_distance: `fxlab.metrics.mushra.predict` over all takes; None where it says nothing.
        aliasing_db: For each tone below half the sample rate `tone_hz` and the aliasing-to-signal ratio in dB of `network`,
            `target` and `alias_free_target` (None where the effect isn't there, or can't be oversampled).
        esr_alias_free: ESR against the alias-free target, of the `network` and for comparison of its `target`, on the takes and
            (`network_tones`, `target_tones`) on the tones; None where there is no such target, or nothing to
            compare (varied takes).
    """
    rate_hz = network.native_rate_hz
    plain, free = (found and found.processor for found in (open_target(stages), open_target(alias_free(stages))))
    predicted = mushra.predict(*(np.concatenate([getattr(take, of) for take in takes]) for of in ("target", "output")), rate_hz)
    lead = max(settling(processor, rate_hz) for processor in (network, plain, free) if processor)
    tones, played = [], []
    audible_hz = [hz for hz in TONES_HZ if hz < rate_hz / 2]
    for done, tone_hz in enumerate(audible_hz):
        progress("Judging", done, len(audible_hz) + 1)
        tone = spectrum.coherent_sine(tone_hz, rate_hz, TONE_AMPLITUDE, lead=lead)
        heard = [apply(processor, tone.audio, rate_hz)[lead:] if processor else None for processor in (network, plain, free)]
        ratios = [None if audio is None else spectrum.aliasing_to_signal_db(audio, tone) for audio in heard]
        tones.append({"tone_hz": tone_hz, "network": ratios[0], "target": ratios[1], "alias_free_target": ratios[2]})
        played.append(heard)
    progress("Judging", len(audible_hz), len(audible_hz) + 1)
    errors = None
    if free:
        judged = [] if varied else takes
        heard = [(take.output, take.target, apply(free, take.dry, rate_hz)[-len(take.target) :]) for take in judged]
        delays = network.latency, network.latency, free.latency
        errors = _errors(heard, delays, "") | _errors(played, delays, "_tones")
    progress("Judging", len(audible_hz) + 1, len(audible_hz) + 1)
    return {
        "predicted_mushra": predicted and predicted.mushra,
        "mfcc_distance": predicted and predicted.distance,
        "aliasing_db": tones,
        "esr_alias_free": errors,
    }


def _has_oversampling(stage: dict[str, Any]) -> bool:
    found = declared(stage["name"])
    return found is not None and any(parameter.name == "oversample" for parameter in found.parameters)


def _errors(heard: Sequence[Sequence[np.ndarray]], delays: Sequence[int], suffix: str) -> dict[str, float | None]:
    """ESR of outputs and targets against the alias-free targets, given the three of every recording and their delays."""
    if not heard:
        return dict.fromkeys((f"network{suffix}", f"target{suffix}"))
    aligned = [[audio[delay:] for audio, delay in zip(three, delays, strict=True)] for three in heard]
    cut = [[audio[: min(map(len, three))] for audio in three] for three in aligned]
    output, target, wanted = (np.concatenate(audio) for audio in zip(*cut, strict=True))
    found = (quality.esr(wanted, audio) if len(wanted) else None for audio in (output, target))
    return dict(zip((f"network{suffix}", f"target{suffix}"), found, strict=True))
