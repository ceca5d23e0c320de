"""The bitcrusher in torch, with straight-through gradients.

Rounding has no useful derivative, so the backward pass sees the signal before rounding (Bengio, Leonard and Courville,
"Estimating or Propagating Gradients Through Stochastic Neurons", 2013), zero beyond full scale. The word length gets the
gradient of a learned step size: with the rounding error fixed at e steps, y = x + e / L (Esser et al., "Learned Step Size
Quantization", ICLR 2020).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from fxlab.effects.bitcrusher import dither as noise
from fxlab.effects.oversampling_torch import downsample, upsample


class _StraightThrough(torch.autograd.Function):
    """Forward `hard`, backward as if it had been `soft`."""

    @staticmethod
    def forward(ctx, soft: Tensor, hard: Tensor) -> Tensor:
        return hard.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class Bitcrusher(nn.Module):
    """The bitcrusher as a layer; the same output as the streaming forms from silence.

    The word length is a learnable parameter; rate, dither and anti-aliasing are fixed. Computes in float64, because a
    level that is rounded the other way is a whole step off.

    Args:
        sample_rate_hz: Rate of the audio.
        bits, rate_hz, dither, antialias, oversample: As declared in `fxlab.effects.bitcrusher`.

    Shape:
        (..., frames) to the same; the last dimension but one counts as channels for the dither.
    """

    def __init__(
        self,
        *,
        sample_rate_hz: int,
        bits: float,
        rate_hz: float,
        dither: str,
        antialias: str,
        oversample: int,
    ) -> None:
        super().__init__()
        self.bits = nn.Parameter(torch.tensor(float(bits), dtype=torch.float64))
        self.oversample = oversample
        self.reduces = rate_hz < sample_rate_hz
        self.clock_hz, self.rate_hz = float(oversample * sample_rate_hz), rate_hz
        self.dithered = dither == "tpdf"
        self.smooths = antialias != "none"
        self.averages = antialias == "adaa1"
        self.stream = 0

    def number_noise(self, first: int) -> int:
        """As `fxlab.effects.processor.Processor.number_noise`."""
        self.stream = first
        return first + self.dithered

    def forward(self, x: Tensor) -> Tensor:
        work = upsample(torch.where(torch.isfinite(x), x, 0.0).double(), self.oversample).float()
        work = torch.where(torch.isfinite(work), work, 0.0).double()  # the overshoot may be more than float32 holds
        wet = (self._hold if self.reduces else self._staircase)(work)
        return downsample(wet, self.oversample).to(x.dtype)

    def _staircase(self, x: Tensor) -> Tensor:
        noise = self._dither(x, torch.arange(x.shape[-1]))
        if not self.averages:
            return self._quantise(x, noise)
        scale, top, ceiling = self._law()
        with torch.no_grad():
            end = x * scale + noise
            start = nn.functional.pad(end[..., :-1], (1, 0))
            hard = _mean(start, end, top, ceiling) / scale
        inside = x.clamp(-1.0, 1.0)
        return self._through(0.5 * (inside + nn.functional.pad(inside[..., :-1], (1, 0))), hard)

    def _hold(self, x: Tensor) -> Tensor:
        frames = x.shape[-1]
        ks = np.arange(int(frames * self.rate_hz / self.clock_hz) + 2)
        instants = ks * self.clock_hz / self.rate_hz
        ks = ks[instants <= frames - 1]
        instants = instants[: len(ks)]
        at = torch.as_tensor(np.ceil(instants), dtype=torch.long, device=x.device)
        since = at - torch.as_tensor(instants, device=x.device)

        before = nn.functional.pad(x, (1, 0))[..., at]
        sampled = x[..., at] + since * (before - x[..., at])
        levels = self._quantise(sampled, self._dither(sampled, torch.as_tensor(ks)))
        index = torch.searchsorted(at, torch.arange(frames, device=x.device), right=True) - 1
        held = levels[..., index]
        if not self.smooths:
            return held
        steps = torch.diff(levels, prepend=torch.zeros_like(levels[..., :1]))
        line = nn.functional.pad(held, (1, 0))
        line = line.index_add(-1, at, 0.5 * since**2 * steps)
        return line.index_add(-1, at + 1, -0.5 * (1.0 - since) ** 2 * steps)[..., :-1]

    def _law(self) -> tuple[Tensor, Tensor, Tensor]:
        """Steps per unit, highest code and outermost level in steps; see `Quantiser`."""
        scale = 2.0 ** (self.bits.clip(1.0, 24.0) - 1.0)
        top = torch.round(scale.detach())
        return scale, top, torch.minimum(top, scale.detach())

    def _dither(self, x: Tensor, index: Tensor) -> Tensor:
        """Noise in steps for values at these counters, none where `x` is digital silence."""
        if not self.dithered:
            return torch.zeros_like(x)
        keys = noise.keys(x.shape[-2] if x.dim() > 1 else 1, self.stream)[:, None]
        drawn = torch.from_numpy(noise.tpdf(keys, index.numpy().astype(np.uint64))).to(x.device)
        return torch.where(x.abs() > noise.SILENT, drawn if x.dim() > 1 else drawn[0], 0.0)

    def _quantise(self, x: Tensor, noise: Tensor) -> Tensor:
        scale, top, ceiling = self._law()
        with torch.no_grad():
            code = torch.round((x * scale + noise).clamp(-top, top))
            hard = code.clamp(-ceiling, ceiling) / scale
        return self._through(x.clamp(-1.0, 1.0), hard)

    def _through(self, soft: Tensor, hard: Tensor) -> Tensor:
        scale, _, _ = self._law()
        error = (hard - soft.detach()) * scale.detach()
        return _StraightThrough.apply(soft + error / scale, hard)


def _mean(start: Tensor, end: Tensor, top: Tensor, ceiling: Tensor) -> Tensor:
    """Mean of the staircase between two values in steps, in steps; see `Quantiser.mean`."""
    low, high = torch.minimum(start, end), torch.maximum(start, end)
    first, last = torch.round(low.clamp(-top, top)), torch.round(high.clamp(-top, top))
    area = first * (first + 0.5 - low) + last * (high - last + 0.5) + 0.5 * (last * (last - 1.0) - first * (first + 1.0))
    excess = top - ceiling
    area = area - excess * (high - (top - 0.5)).clamp(min=0.0) + excess * (0.5 - top - low).clamp(min=0.0)
    flat = first == last
    return torch.where(flat, first.clamp(-ceiling, ceiling), area / torch.where(flat, 1.0, high - low))
