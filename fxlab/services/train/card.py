"""The card of a network in training: what it is, which effect it learns, from what."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import fxlab
from fxlab.errors import InputError
from fxlab.hashing import file_sha256
from fxlab.models import checkpoint
from fxlab.models.controls import Control
from fxlab.models.model import Card, Config, describe
from fxlab.settings import ModelSettings, TrainSettings
from fxlab.training.loop import Run
from fxlab.training.manifest import Manifest

_SPLITS = ("train", "validation", "test")


def new_card(
    network: torch.nn.Module,
    manifest: Manifest,
    controls: Sequence[Control],
    model: ModelSettings,
    settings: TrainSettings,
    profile: str | None,
) -> Card:
    """The card before training: no metrics yet; raises `InputError` for a dataset that varies what can be no knob."""
    rate = manifest.sample_rate_hz
    effect, latency = _common_effect(manifest, controls)
    noisy = sorted({row["snr_db"] for row in manifest.rows if "snr_db" in row})
    about = {
        "sample_rate_hz": rate,
        "receptive_field": network.receptive_field,
        "latency": getattr(network, "latency", latency),
        "macs_per_sample": network.config.macs_per_sample,
        "effect": [] if noisy else effect,  # what takes noise away is no copy of an effect
        **({"controls": [control.to_json() for control in controls]} if controls else {}),
        "data": {
            "seconds": {split: round(sum(row["frames"] for row in manifest.split(split)) / rate, 1) for split in _SPLITS},
            "sources": {split: sorted({Path(row["source"]).name for row in manifest.split(split)}) for split in _SPLITS},
            **({"snr_db": noisy, "noise": manifest.header["settings"].get("noise")} if noisy else {}),
            "manifest_sha256": file_sha256(manifest.directory / "manifest.jsonl"),
        },
    }
    return fresh_card(network.config, about, model, settings, profile)


def fresh_card(config: Config, about: Card, model: ModelSettings, settings: TrainSettings, profile: str | None) -> Card:
    """What the card of any network in training says, and what it says `about` this kind."""
    return {
        "format": checkpoint.CARD_FORMAT,
        "fxlab": fxlab.__version__,
        "model": describe(config),
        "parameters_count": config.parameters_count,
        **about,
        "attribution": model.attribution,
        "licence": model.licence,
        "seed": settings.seed,
        "profile": profile,
        "metrics": {},
        "training": {},
    }


def training_record(state: Run, settings: TrainSettings) -> dict[str, Any]:
    """What the card says of how its weights came about."""
    return {
        "epoch": state.best_epoch + 1,
        "steps": state.step,
        "seconds": round(state.seconds, 1),
        "settings": dataclasses.asdict(settings),
        "torch": torch.__version__,
    }


def _common_effect(manifest: Manifest, controls: Sequence[Control]) -> tuple[list[dict], int]:
    """The effect chain of all pairs, its knobs at their defaults, and its latency."""
    names = {control.name for control in controls}
    varied = sorted({name for row in manifest.rows for name in row["parameters"]} - names)
    if varied:
        raise InputError(
            f"The dataset varies {', '.join(varied)}, which is no number that could be a knob.",
            "Make a dataset for each of its settings.",
        )
    if len({row["latency"] for row in manifest.rows}) > 1:
        raise InputError("The latency differs from pair to pair.", "Keep what delays the effect at one setting.")
    if any(not names <= row["parameters"].keys() for row in manifest.rows):
        raise InputError("Some pairs don't say where the knobs stood.", "Make the dataset again with `fxlab dataset`.")
    effect = copy.deepcopy(manifest.rows[0]["effect"])
    for control in controls:
        if control.stage is not None:
            effect[control.stage]["parameters"][control.parameter] = control.param.default
    return effect, manifest.rows[0]["latency"]
