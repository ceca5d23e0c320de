"""The oversampler of `fxlab.effects.oversampling` in torch: whole signals, by FFT."""

from __future__ import annotations

import torch
from torch import Tensor

from fxlab.effects.oversampling import stages


def upsample(x: Tensor, factor: int) -> Tensor:
    """(..., frames) to (..., factor * frames), causal: `Oversampler.up` from rest."""
    for stage in stages(factor):
        stuffed = torch.stack((x, torch.zeros_like(x)), dim=-1).flatten(-2)
        x = _filter(stuffed, stage.up)
    return x


def downsample(x: Tensor, factor: int) -> Tensor:
    """(..., factor * frames) to (..., frames), causal: `Oversampler.down` from rest."""
    for stage in reversed(stages(factor)):
        x = _filter(x, stage.down)[..., ::2]
    return x


def _filter(x: Tensor, taps) -> Tensor:
    frames = x.shape[-1]
    size = 1 << (frames + len(taps) - 2).bit_length()  # the next power of two that avoids wrapping round
    spectrum = torch.fft.rfft(torch.as_tensor(taps, dtype=x.dtype, device=x.device), size)
    return torch.fft.irfft(torch.fft.rfft(x, size) * spectrum, size)[..., :frames]
