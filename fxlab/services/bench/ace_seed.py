"""How auditory contrast enhancement is often put together in torch, as a rival for `fxlab bench`: a filterbank of short FIR
kernels as one grouped convolution, and envelope followers that loop over the samples in Python.

Both do roughly what `fxlab.effects.ace` does at this point, and can be trained. The kernels end after 20 ms, before a gammatone
of 50 Hz has risen to its peak; `padding="same"` looks 10 ms ahead; and all bands are kept at the full rate.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fxlab.audio.erb import erb_hz, erb_rate, frequency_at
from fxlab.effects.ace.bank import HIGHEST_HZ, LOWEST_HZ

KERNEL_S = 0.02


def gammatone_kernels(sample_rate_hz: int, bands: int = 60) -> Tensor:
    """Fourth-order gammatones, equally far apart on the ERB scale, with gain 1 at their centres.

    Returns:
        (bands, taps), float32.
    """
    lowest, highest = erb_rate(LOWEST_HZ), erb_rate(min(HIGHEST_HZ, sample_rate_hz / 2))
    centres_hz = torch.from_numpy(frequency_at(torch.linspace(float(lowest), float(highest), bands).numpy()))[:, None]
    seconds = torch.arange(round(KERNEL_S * sample_rate_hz) | 1, dtype=torch.float64) / sample_rate_hz
    width_hz = 1.019 * torch.from_numpy(erb_hz(centres_hz.numpy()))
    angle = 2.0 * math.pi * centres_hz * seconds
    kernels = seconds**3 * torch.exp(-2.0 * math.pi * width_hz * seconds) * torch.cos(angle)
    gain = torch.hypot((kernels * torch.cos(angle)).sum(-1), (kernels * torch.sin(angle)).sum(-1))
    return (kernels / gain[:, None]).float()


def fir_bank(x: Tensor, kernels: Tensor) -> Tensor:
    """The signal repeated for every band, and a convolution with a group for each.

    Args:
        x: (batch, frames).
        kernels: (bands, taps).

    Returns:
        (batch, bands, frames).
    """
    bands = len(kernels)
    return functional.conv1d(x[:, None].repeat(1, bands, 1), kernels.flip(-1)[:, None], groups=bands, padding="same")


def loop_follower(x: Tensor, rise: Tensor, fall: Tensor) -> Tensor:
    """A one-pole follower from 0, sample by sample: y += (1 - c) (x - y), c being `rise` where x > y, else `fall`.

    Args:
        x: (..., frames).
        rise, fall: Shares of the distance that are kept, broadcast to x without its frames.

    Returns:
        The same shape.
    """
    y, out = torch.zeros_like(x[..., 0]), []
    for now in x.unbind(-1):
        y = now + torch.where(now > y, rise, fall) * (y - now)
        out.append(y)
    return torch.stack(out, -1)
