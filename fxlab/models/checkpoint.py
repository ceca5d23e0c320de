"""Checkpoints as torch writes them and takes them back; the format is in `checkpoint_file`."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

from fxlab.audio.atomic import replacing
from fxlab.models.checkpoint_file import EXTRA, digest, read
from fxlab.models.model import CARD_FORMAT, Card, Model
from fxlab.models.registry import build

__all__ = ["CARD_FORMAT", "load", "model_of", "network_of", "save"]


def network_of(model: Model) -> nn.Module:
    """The torch network of a model, in evaluation mode."""
    network = build(model.config)
    network.load_state_dict({name: torch.tensor(array) for name, array in model.weights.items()})
    return network.eval()


def model_of(network: nn.Module, card: Card) -> Model:
    """A torch network and its card as a value."""
    return Model(network.config, {k: v.detach().cpu().numpy().copy() for k, v in network.state_dict().items()}, card)


def save(
    path: Path,
    model: nn.Module,
    card: Card,
    extra: dict[str, Tensor] | None = None,
    record: dict | None = None,
    weights: dict[str, Tensor] | None = None,
) -> None:
    """Writes weights and card, whole or not at all.

    Args:
        path: Where to.
        model: The network.
        card: Its card.
        extra: More tensors that resuming needs.
        record: Plain data that resuming needs.
        weights: Saved in place of the network's own.

    Raises:
        OutputError: It can't be written.
    """
    from safetensors.torch import save as serialise

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in (weights or model.state_dict()).items()}
    tensors |= {EXTRA + name: tensor.detach().cpu().contiguous() for name, tensor in (extra or {}).items()}
    metadata = {"card": json.dumps(card), "record": json.dumps(record or {})}
    metadata["sha256"] = digest({name: tensor.numpy() for name, tensor in tensors.items()}, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(serialise(tensors, metadata))


def load(path: Path) -> tuple[nn.Module, Card, dict[str, Tensor], dict]:
    """Model, card, extra tensors and record of a checkpoint; raises `InputError` for anything that isn't one."""
    model, extra, record = read(path)
    return network_of(model), model.card, {name: torch.from_numpy(array.copy()) for name, array in extra.items()}, record
