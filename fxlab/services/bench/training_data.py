"""What the suite "training" trains on: a dataset, or a clip through an effect."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from fxlab.effects.processor import apply
from fxlab.engines.loader import open_processor
from fxlab.errors import InputError, UsageError
from fxlab.progress import Progress
from fxlab.services.bench.session import CLIP
from fxlab.services.clip import load_clip
from fxlab.settings import EffectSettings
from fxlab.training.manifest import Manifest
from fxlab.training.pair import Pair

_VALIDATION = 0.2  # of the clip, at its end
_JUDGED_S = 20.0  # of a dataset: networks are judged often, and training waits meanwhile


def load_pairs(dataset: Path | None, effect: EffectSettings | None, progress: Progress) -> tuple[str, list[Pair], list[Pair]]:
    """A name, the pairs to train on and those to judge by, at most 20 s in all.

    Raises:
        UsageError: A dataset with knobs, or both a dataset and an effect.
        InputError: A dataset that can't be used, or has nothing to train on or to judge by.
    """
    if dataset is None:
        return _clip(effect or EffectSettings("saturator"))
    if effect is not None:
        raise UsageError("A dataset has its effect already.", "Leave out either --dataset or --effect.")
    manifest = Manifest.load(dataset)
    manifest.verify(progress)
    if manifest.header.get("controls"):
        raise UsageError(f"The dataset {dataset} has knobs, which the other trainer hasn't.", "Make it with one setting.")
    splits = [[pair for _, pair in manifest.pairs(split)] for split in ("train", "validation")]
    if not all(splits):
        raise InputError(f"The dataset {dataset} has no pairs to train on or to judge by.", "Make it from more recordings.")
    train, judged = splits
    frames = round(_JUDGED_S * manifest.sample_rate_hz / len(judged))
    short = [dataclasses.replace(pair, input=pair.input[:frames], target=pair.target[:frames]) for pair in judged]
    return Path(dataset).name, train, short


def _clip(effect: EffectSettings) -> tuple[str, list[Pair], list[Pair]]:
    clip = load_clip(CLIP)
    opened = open_processor(effect.name, effect.set, effect.engine)
    dry = clip.audio[0]
    latency = opened.processor.latency
    wet = apply(opened.processor, np.concatenate((dry, np.zeros(latency, np.float32))), clip.rate_hz)[latency:]
    cut = round(len(dry) * (1 - _VALIDATION))
    return f"{clip.name} through {opened.name}", [Pair(dry[:cut], wet[:cut])], [Pair(dry[cut:], wet[cut:], from_rest=False)]
