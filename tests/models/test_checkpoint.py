"""Checkpoints: whole, self-describing, and refused when they are anything else."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from fxlab.errors import InputError
from fxlab.models import checkpoint
from fxlab.models.checkpoint_file import digest
from fxlab.models.model import describe
from fxlab.models.tcn import TCN
from fxlab.models.tcn_config import SIZES


def card_of(network):
    return {"format": checkpoint.CARD_FORMAT, "model": describe(network.config)}


@pytest.fixture
def saved(tmp_path):
    network = TCN(SIZES["nano"])
    path = tmp_path / "net.safetensors"
    checkpoint.save(path, network, card_of(network), {"0.step": torch.tensor(3.0)}, {"epoch": 2})
    return path, network


def test_round_trip(saved):
    path, network = saved
    loaded, card, extra, record = checkpoint.load(path)
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), loaded.state_dict().values(), strict=True))
    assert card == card_of(network)
    assert extra["0.step"].item() == 3 and record == {"epoch": 2}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_weights_can_replace_the_networks_own(tmp_path):
    network = TCN(SIZES["nano"])
    other = {name: torch.full_like(value, 0.5) for name, value in network.state_dict().items()}
    checkpoint.save(tmp_path / "a.safetensors", network, card_of(network), weights=other)
    loaded, *_ = checkpoint.load(tmp_path / "a.safetensors")
    assert all(bool((value == 0.5).all()) for value in loaded.state_dict().values())


def write(path, tensors, metadata):
    """A file whose hash is right, so that it fails for the reason under test."""
    if "card" in metadata:
        metadata = metadata | {"sha256": digest({name: tensor.numpy() for name, tensor in tensors.items()}, metadata)}
    save_file(tensors, path, metadata)


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def corrupt(path):
    """Ways to break a checkpoint, by name."""
    tensors = load_file(path)
    weights = {name: value for name, value in tensors.items() if not name.startswith("optimiser.")}
    network = TCN(SIZES["nano"])
    good = {"card": json.dumps(card_of(network)), "record": "{}"}
    nan = {name: torch.full_like(value, torch.nan) for name, value in weights.items()}
    missing = dict(list(weights.items())[1:])
    return {
        "truncated": lambda: path.write_bytes(path.read_bytes()[:-100]),
        "empty": lambda: path.write_bytes(b""),
        "flipped bit in the weights": lambda: flip(path, -20),
        "flipped bit in the dilations": lambda: flip(path, path.read_bytes().index(b"64]")),
        "text": lambda: path.write_text("not a model"),
        "no card": lambda: write(path, weights, {}),
        "card is not JSON": lambda: write(path, weights, good | {"card": "{"}),
        "card is nested without end": lambda: write(path, weights, good | {"card": "[" * 100_000}),
        "card is a list": lambda: write(path, weights, good | {"card": "[]"}),
        "other format": lambda: write(path, weights, good | {"card": '{"format": "x"}'}),
        "other architecture": lambda: write(path, weights, good | {"card": '{"format": "fxlab-card", "model": {"type": "x"}}'}),
        "other size": lambda: write(path, weights, good | {"card": json.dumps(card_of(TCN(SIZES["lite"])))}),
        "missing weight": lambda: write(path, missing, good),
        "NaN weights": lambda: write(path, nan, good),
        "absent": path.unlink,
    }


@pytest.mark.parametrize(
    "how",
    [
        "truncated",
        "flipped bit in the weights",
        "flipped bit in the dilations",
        "empty",
        "text",
        "no card",
        "card is not JSON",
        "card is nested without end",
        "card is a list",
        "other format",
        "other architecture",
        "other size",
        "missing weight",
        "NaN weights",
        "absent",
    ],
)
def test_broken_checkpoints_are_refused(saved, how):
    path, _ = saved
    corrupt(path)[how]()
    with pytest.raises(InputError):
        checkpoint.load(path)
