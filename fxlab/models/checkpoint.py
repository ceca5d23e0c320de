"""The checkpoint format: one `.safetensors` file whose header carries the model's card.

The card is plain JSON: architecture, sample rate, effect, training record, metrics, licence. A training state (optimiser
moments, counters) rides along in the same file under the prefix `optimiser.`. No pickle is ever read or written.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fxlab.audio.atomic import replacing
from fxlab.errors import InputError
from fxlab.models.tcn import TCN, TCNConfig

CARD_FORMAT = "fxlab-card"
_EXTRA = "optimiser."
_HINT = "A checkpoint is a .safetensors file that `fxlab train` wrote."

Card = dict[str, Any]


def build(card: Card) -> nn.Module:
    """The network a card describes, weights still random; raises `InputError` for an unknown architecture."""
    model = card.get("model")
    if not isinstance(model, dict) or model.get("type") != "tcn":
        raise InputError("The model is of an architecture that this fxlab doesn't know.", "Update fxlab.")
    return TCN(TCNConfig.from_json(model.get("config", {})))


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
    tensors |= {_EXTRA + name: tensor.detach().cpu().contiguous() for name, tensor in (extra or {}).items()}
    metadata = {"card": json.dumps(card), "record": json.dumps(record or {})}
    metadata["sha256"] = _sha256(tensors, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(serialise(tensors, metadata))


def load(path: Path) -> tuple[nn.Module, Card, dict[str, Tensor], dict]:
    """Model, card, extra tensors and record of a checkpoint; raises `InputError` for anything that isn't one."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path} is not a file.", _HINT)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        card, record = json.loads(metadata["card"]), json.loads(metadata["record"])
        whole = metadata["sha256"] == _sha256(tensors, metadata)
        if card["format"] != CARD_FORMAT:
            raise KeyError
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not an fxlab checkpoint ({type(error).__name__}).", _HINT) from None
    if not whole:
        raise InputError(f"{path} is damaged: it is not what was saved.", "Copy it again, or train it again.")
    extra = {name.removeprefix(_EXTRA): tensors.pop(name) for name in list(tensors) if name.startswith(_EXTRA)}
    model = build(card)
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}
    if expected != {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}:
        raise InputError(f"The weights in {path} don't fit the architecture in its header.", _HINT)
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise InputError(f"The weights in {path} are not all finite numbers.", "Train it again; the run diverged.")
    model.load_state_dict(tensors)
    return model.eval(), card, extra, record


def _sha256(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Hash of card, record, names and values; a flipped bit can leave weights or dilations that are possible and wrong."""
    digest = hashlib.sha256((metadata["card"] + metadata["record"]).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
