"""The clipper in torch, differentiable in the audio and in every continuous parameter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.clipper.curves import clipper_curve
from fxlab.effects.shaping_torch import shape


class ClipperModule(nn.Module):
    """The clipper as a layer; the same output as the streaming forms from silence.

    The continuous parameters are learnable (a knee that starts at 0 has no gradient and stays there). Computes in float64.

    Args:
        sample_rate_hz: Rate of the audio; the curve doesn't depend on it.
        mode, threshold_db, knee_db, drive_db, makeup_db, oversample, antialias: As declared in `fxlab.effects.clipper`.

    Shape:
        (..., frames) to the same.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        mode: str,
        threshold_db: float,
        knee_db: float,
        drive_db: float,
        makeup_db: float,
        oversample: int,
        antialias: str,
    ) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.threshold_db, self.knee_db = _learnable(threshold_db), _learnable(knee_db)
        self.drive_db, self.makeup_db = _learnable(drive_db), _learnable(makeup_db)
        self.mode, self.bent = mode, knee_db > 0.0
        self.oversample, self.antialias = oversample, antialias

    def forward(self, x: Tensor) -> Tensor:
        kind, knee, span = clipper_curve(self.mode, self.bent, 10.0 ** (self.threshold_db / 20.0), self.knee_db)
        gain, makeup = 10.0 ** (self.drive_db / 20.0), 10.0 ** (self.makeup_db / 20.0)
        bias = x.new_zeros((), dtype=torch.float64)
        return (makeup * shape(x.double(), kind, knee, span, gain, bias, self.oversample, self.antialias)).to(x.dtype)


def _learnable(value: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(float(value), dtype=torch.float64))
