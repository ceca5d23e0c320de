"""The checkpoint format: one `.safetensors` file whose header carries the model's card.

The card is plain JSON: architecture, sample rate, effect, training record, metrics, licence. A training state (optimiser
moments, counters) rides along in the same file under the prefix `optimiser.`. No pickle is ever read or written.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor, nn

from fxlab.audio.atomic import replacing
from fxlab.errors import InputError
from fxlab.models.model import CARD_FORMAT, Card, Model, checked, config_of
from fxlab.models.registry import build

_EXTRA = "optimiser."
_HINT = "A checkpoint is a .safetensors file that `fxlab train` wrote."


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
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not an fxlab checkpoint ({type(error).__name__}).", _HINT) from None
    if not whole:
        raise InputError(f"{path} is damaged: it is not what was saved.", "Copy it again, or train it again.")
    extra = {name.removeprefix(_EXTRA): tensors.pop(name) for name in list(tensors) if name.startswith(_EXTRA)}
    config = config_of(card)
    if any(tensor.dtype != torch.float32 for tensor in tensors.values()):
        raise InputError(f"The weights in {path} are not float32.", _HINT)
    weights = checked(config, {name: tensor.numpy() for name, tensor in tensors.items()}, str(path))
    return network_of(Model(config, weights, card)), card, extra, record


def _sha256(tensors: dict[str, Tensor], metadata: dict[str, str]) -> str:
    """Hash of card, record, names and values; a flipped bit can leave weights or dilations that are possible and wrong."""
    digest = hashlib.sha256((metadata["card"] + metadata["record"]).encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
