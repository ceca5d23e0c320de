"""Checkpoints as torch writes them and takes them back; the format is in `checkpoint_file`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from fxlab.models.checkpoint_file import read, write
from fxlab.models.model import CARD_FORMAT, Card, Config, Model
from fxlab.models.registry import build

__all__ = ["CARD_FORMAT", "load", "model_of", "network_of", "save"]


def network_of(model: Model) -> nn.Module:
    """The torch network of a model, in evaluation mode; of an instrument, the network that plays without what grows it."""
    network = build(model.config)
    network.load_state_dict({name: torch.tensor(model.weights[name]) for name in network.state_dict()})
    return network.eval()


def model_of(network: nn.Module, card: Card) -> Model:
    """A torch network and its card as a value."""
    weights = {name: array.copy() for name, array in _arrays(network.state_dict()).items()}
    return Model(cast(Config, network.config), weights, card)


def save(
    path: Path,
    model: nn.Module,
    card: Card,
    extra: dict[str, Tensor] | None = None,
    record: dict[str, Any] | None = None,
    weights: dict[str, Tensor] | None = None,
    written: Callable[[], None] = lambda: None,
) -> None:
    """Writes weights and card, whole or not at all.

    Args:
        path: Where to.
        model: The network.
        card: Its card.
        extra: More tensors that resuming needs.
        record: Plain data that resuming needs.
        weights: Saved in place of the network's own.
        written: Is called when all is on the disk, before it takes its place.

    Raises:
        OutputError: It can't be written.
    """
    write(path, _arrays(weights or model.state_dict()), card, _arrays(extra or {}), record, written)


def load(path: Path) -> tuple[nn.Module, Card, dict[str, Tensor], dict[str, Any]]:
    """Model, card, extra tensors and record of a checkpoint; raises `InputError` for anything that isn't one."""
    model, extra, record = read(path)
    return network_of(model), model.card, {name: torch.from_numpy(array.copy()) for name, array in extra.items()}, record


def _arrays(tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
