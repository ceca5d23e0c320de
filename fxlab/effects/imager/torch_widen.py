"""The imager as a differentiable torch operation, with a set of parameters for each item."""

from __future__ import annotations

import torch
from torch import Tensor

from fxlab.audio import biquad
from fxlab.effects import biquad_torch

Number = Tensor | float


def widen(x: Tensor, width: Number, rate_hz: float, low_width: Number = 1.0, crossover_hz: Number = 120.0) -> Tensor:
    """Gives each item another width, its filter at rest; gradients reach all arguments.

    Args:
        x: (batch, channels, frames), float32 or float64, any device; returned as it is unless it has two channels.
        width, low_width, crossover_hz: As declared in `fxlab.effects.imager`, each a number or a tensor (batch,).
        rate_hz: Sample rate.

    Returns:
        Same shape, dtype and device as `x`.
    """
    if x.shape[1] != 2:
        return x
    width, low_width, crossover_hz = (_column(value, x) for value in (width, low_width, crossover_hz))
    audio = x.double()
    side = 0.5 * (audio[:, 0] - audio[:, 1])
    q = torch.full_like(crossover_hz, biquad.BUTTERWORTH_Q)
    sections = biquad_torch.highpass(crossover_hz, q, rate_hz)
    above = biquad_torch.cascade(side, sections.expand(len(x), 1, 5))
    change = (width * low_width - 1.0) * side + width * (1.0 - low_width) * above
    return (audio + torch.stack((change, -change), 1)).to(x.dtype)


def _column(value: Number, x: Tensor) -> Tensor:
    """A parameter as float64 (batch or 1, 1) beside the audio."""
    return torch.as_tensor(value, dtype=torch.float64, device=x.device).reshape(-1, 1)
