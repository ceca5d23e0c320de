"""The saturator in torch, differentiable in the audio and in every continuous parameter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.audio import biquad
from fxlab.effects import biquad_torch
from fxlab.effects.shapers import TANH
from fxlab.effects.shaping_torch import shape


class SaturatorModule(nn.Module):
    """The saturator as a layer; the same output as the streaming forms from silence.

    The continuous parameters are learnable. Computes in float64, the filters' poles lie too close to 1 for less.

    Args:
        sample_rate_hz: Rate of the audio.
        drive_db, bias, makeup_db, dc_block_hz, cutoff_hz, lowpass, oversample, antialias: As declared in
            `fxlab.effects.saturator`.

    Shape:
        (..., frames) to the same.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        drive_db: float,
        bias: float,
        makeup_db: float,
        dc_block_hz: float,
        cutoff_hz: float,
        lowpass: str,
        oversample: int,
        antialias: str,
    ) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.drive_db, self.bias, self.makeup_db = _learnable(drive_db), _learnable(bias), _learnable(makeup_db)
        self.dc_block_hz, self.cutoff_hz = _learnable(dc_block_hz), _learnable(cutoff_hz)
        self.lowpass, self.oversample, self.antialias = lowpass, oversample, antialias

    def forward(self, x: Tensor) -> Tensor:
        nothing, one = x.new_zeros((), dtype=torch.float64), x.new_ones((), dtype=torch.float64)
        gain = 10.0 ** (self.drive_db / 20.0)
        shaped = shape(x.double(), TANH, nothing, one, gain, self.bias, self.oversample, self.antialias)
        makeup = 10.0 ** (self.makeup_db / 20.0)
        return (makeup * biquad_torch.cascade(shaped, self._sections())).to(x.dtype)

    def _sections(self) -> Tensor:
        cutoff_hz = self.cutoff_hz.clamp(max=biquad.HIGHEST * self.sample_rate_hz)
        if self.lowpass == "biquad":
            q = torch.full_like(cutoff_hz, biquad.BUTTERWORTH_Q)
            low = biquad_torch.lowpass(cutoff_hz, q, self.sample_rate_hz)
        else:
            low = biquad_torch.one_pole_lowpass(cutoff_hz, self.sample_rate_hz)
        return torch.stack((biquad_torch.dc_blocker(self.dc_block_hz, self.sample_rate_hz), low))


def _learnable(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(float(value), dtype=torch.float64))
