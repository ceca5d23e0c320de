"""Up, through a curve, and down again, differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from fxlab.effects.oversampling_torch import downsample, upsample
from fxlab.effects.shapers import adaa, curve


def shape(
    x: Tensor,
    kind: int,
    knee: Tensor,
    span: Tensor,
    gain: Tensor,
    bias: Tensor,
    factor: int = 1,
    antialias: str = "none",
) -> Tensor:
    """f(gain x + bias) - f(bias) at `factor` times the sample rate; gradients reach all tensors.

    Args:
        x: (..., frames); non-finite samples count as silence.
        kind, knee, span, gain, bias: As in `fxlab.effects.shapers.Shaper`, the last four as scalar tensors.
        factor: 1, 2, 4 or 8.
        antialias: "none" or "adaa1".
    """
    x = torch.where(torch.isfinite(x), x, 0.0)
    t = gain * upsample(x, factor) + bias
    if antialias == "adaa1":
        before = torch.cat((bias.expand(*t.shape[:-1], 1), t[..., :-1]), dim=-1)
        y = adaa(torch, kind, before, t, knee, span)
    else:
        y = curve(torch, kind, t, knee, span)
    return downsample(y - curve(torch, kind, bias, knee, span), factor)
