"""Left and right as mid and side, and back."""

from __future__ import annotations

import torch
from torch import Tensor


def mid_side(audio: Tensor) -> Tensor:
    """(..., 2, frames) left and right as mid (L + R) / 2 and side (L - R) / 2; one channel is all mid."""
    if audio.shape[-2] == 1:
        return torch.cat((audio, torch.zeros_like(audio)), -2)
    left, right = audio.split(1, -2)
    return torch.cat(((left + right) / 2, (left - right) / 2), -2)


def left_right(audio: Tensor, channels: int = 2) -> Tensor:
    """(..., 2, frames) mid and side as left and right; for `channels` 1 the mid alone."""
    mid, side = audio.split(1, -2)
    return mid if channels == 1 else torch.cat((mid + side, mid - side), -2)


def heard(audio: Tensor, channels: int) -> Tensor:
    """(..., 1 or 2, frames) left and right as a network hears it: 1 is the mono sum, 2 are mid and side."""
    return audio.mean(-2, keepdim=True) if channels == 1 else mid_side(audio)
