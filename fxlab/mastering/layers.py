"""Layers that several of the mastering networks are made of."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_MOMENTUM, _EPSILON = 0.1, 1e-5


class Norm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015) all of whose state is float32, as a checkpoint wants it: no batches counted.

    Shape:
        (batch, channels, frames) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        counted = self.running_mean, self.running_var
        return functional.batch_norm(x, *counted, self.weight, self.bias, self.training, _MOMENTUM, _EPSILON)


class NormalisedConv(nn.Module):
    """A convolution that keeps the length (divided by its stride, rounded up), and its normalisation.

    Shape:
        (batch, inputs, frames) to (batch, outputs, frames / stride).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride=stride, dilation=dilation, padding=padding)
        self.norm = Norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def silent_start(layer: nn.Linear | nn.Conv1d, bias: Tensor | float = 0.0) -> None:
    """Makes a last layer say `bias` whatever it hears, until it has learnt something."""
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.as_tensor(bias, dtype=layer.bias.dtype).expand_as(layer.bias))
