"""The compressor in torch, differentiable in the audio and in every continuous parameter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.compressor import EFFECT
from fxlab.effects.compressor.torch_compress import compress


class CompressorModule(nn.Module):
    """The compressor as a layer; the same output as the streaming forms from silence, each leading row as a mono stream.

    The continuous parameters are learnable numbers in their own units, held within their declared ranges in the forward pass; a
    knee that starts at 0 has no gradient and stays there. `torch_compress.compress` is for linked channels.

    Args:
        sample_rate_hz: Rate of the audio.
        parameters: As declared in `fxlab.effects.compressor`.

    Shape:
        (..., frames) to the same.
    """

    def __init__(self, *, sample_rate_hz: int, **parameters: object) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        values = EFFECT.resolve(parameters)
        self.ranges = {one.name: (one.low, one.high) for one in EFFECT.parameters if one.name != "link"}
        for name in self.ranges:
            setattr(self, name, nn.Parameter(torch.tensor(float(values[name]), dtype=torch.float64)))

    def forward(self, x: Tensor) -> Tensor:
        values = {name: self.get_parameter(name).clamp(*ends) for name, ends in self.ranges.items()}
        rows = x.reshape(x.shape[:-1].numel(), 1, x.shape[-1])
        return compress(rows, **values, rate_hz=self.sample_rate_hz).reshape(x.shape)
