"""The checkpoint format: one `.safetensors` file whose header carries the model's card. Read and written here
without torch.

The card is plain JSON: architecture, sample rate, effect, training record, metrics, licence. A training state (optimiser
moments, counters) rides along in the same file under the prefix `optimiser.`. No pickle is ever read or written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.errors import InputError
from fxlab.models.model import CARD_FORMAT, Card, Model, checked, config_of

EXTRA = "optimiser."
_HINT = "A checkpoint is a .safetensors file that `fxlab train` wrote."

Arrays = dict[str, np.ndarray]


def read(path: Path) -> tuple[Model, Arrays, dict[str, Any]]:
    """Model, extra tensors and record of a checkpoint; raises `InputError` for anything that isn't one."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"{path} is not a file.", _HINT)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        card, record = json.loads(metadata["card"]), json.loads(metadata["record"])
        whole = metadata["sha256"] == digest(tensors, metadata)
        if card["format"] != CARD_FORMAT:
            raise KeyError
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is not an fxlab checkpoint ({type(error).__name__}).", _HINT) from None
    if not whole:
        raise InputError(f"{path} is damaged: it is not what was saved.", "Copy it again, or train it again.")
    extra = {name.removeprefix(EXTRA): tensors.pop(name) for name in list(tensors) if name.startswith(EXTRA)}
    config = config_of(card)
    if any(tensor.dtype != np.float32 for tensor in tensors.values()):
        raise InputError(f"The weights in {path} are not float32.", _HINT)
    return Model(config, checked(config, tensors, str(path)), card), extra, record


def write(
    path: Path,
    weights: Mapping[str, np.ndarray],
    card: Card,
    extra: Mapping[str, np.ndarray] | None = None,
    record: Any = None,
    written: Callable[[], None] = lambda: None,
) -> None:
    """Writes weights and card, with more tensors and plain data that resuming needs, whole or not at all.

    Args:
        written: Is called when all is on the disk, before it takes its place.

    Raises:
        OutputError: It can't be written.
    """
    from safetensors.numpy import save

    tensors = {name: np.asarray(array, order="C") for name, array in weights.items()}
    tensors |= {EXTRA + name: np.asarray(array, order="C") for name, array in (extra or {}).items()}
    metadata = {"card": json.dumps(card), "record": json.dumps(record or {})}
    metadata["sha256"] = digest(tensors, metadata)
    with replacing(path, written=written) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def digest(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """Hash of card, record, names and values; a flipped bit can leave weights or dilations that are possible and wrong."""
    found = hashlib.sha256((metadata["card"] + metadata["record"]).encode())
    for name in sorted(tensors):
        found.update(name.encode() + np.ascontiguousarray(tensors[name]).tobytes())
    return found.hexdigest()
