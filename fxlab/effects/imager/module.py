"""The imager in torch, differentiable in the audio and in every parameter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.imager import EFFECT
from fxlab.effects.imager.torch_widen import widen


class ImagerModule(nn.Module):
    """The imager as a layer; the same output as the streaming forms from silence.

    Every parameter is a learnable number in its own unit, held within its declared range in the forward pass.

    Args:
        sample_rate_hz: Rate of the audio.
        parameters: As declared in `fxlab.effects.imager`.

    Shape:
        (..., channels, frames) to the same; (frames,) is mono.
    """

    def __init__(self, *, sample_rate_hz: int, **parameters: object) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        for name, value in EFFECT.resolve(parameters).items():
            self.register_parameter(name, nn.Parameter(torch.tensor(float(value), dtype=torch.float64)))

    def forward(self, x: Tensor) -> Tensor:
        values = {one.name: self.get_parameter(one.name).clamp(one.low, one.high) for one in EFFECT.parameters}
        channels = x.shape[-2] if x.dim() > 1 else 1
        items = x.reshape(-1, channels, x.shape[-1])
        return widen(items, rate_hz=self.sample_rate_hz, **values).reshape(x.shape)
