"""The equaliser in torch: every parameter can be learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.biquad_torch import cascade
from fxlab.effects.eq import EFFECT
from fxlab.effects.eq.bands import designs


class Equaliser(nn.Module):
    """The equaliser as a layer; the same output as the streaming forms from silence.

    Every parameter is a learnable number in its own unit, held within its declared range in the forward pass. Bands at 0 dB
    stay in and can be learned; the high-pass and low-pass have a gradient only once they are on.

    Args:
        sample_rate_hz: Rate of the audio.
        parameters: As declared in `fxlab.effects.eq`.

    Shape:
        (..., frames) to the same.
    """

    def __init__(self, *, sample_rate_hz: int, **parameters: float) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        for name, value in EFFECT.resolve(parameters).items():
            self.register_parameter(name, nn.Parameter(torch.tensor(value, dtype=torch.float64)))

    def forward(self, x: Tensor) -> Tensor:
        values = {one.name: self.get_parameter(one.name).clip(one.low, one.high) for one in EFFECT.parameters}
        return cascade(x, torch.stack((*designs(torch, values, self.sample_rate_hz, keep_flat=True).values(),)))
