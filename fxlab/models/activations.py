"""The activation functions that networks may use, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

ACTIVATIONS = ("linear", "tanh", "sigmoid", "relu", "leaky_relu", "hard_tanh", "silu", "softsign", "hard_swish")
"""Their order is that of the fused engine's codes."""


def activate(x: Tensor, name: str, slope: float = 0.01) -> Tensor:
    """`x` through the activation called `name`; `slope` is that of "leaky_relu" below zero."""
    from torch.nn import functional as F

    if name == "linear":
        return x
    if name == "leaky_relu":
        return F.leaky_relu(x, slope)
    return {
        "tanh": x.tanh,
        "sigmoid": x.sigmoid,
        "relu": x.relu,
        "hard_tanh": lambda: x.clamp(-1.0, 1.0),
        "silu": lambda: F.silu(x),
        "softsign": lambda: F.softsign(x),
        "hard_swish": lambda: F.hardswish(x),
    }[name]()
