"""The convolver in torch, differentiable in the audio and in every tap."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.effects.convolver import impulse
from fxlab.errors import UsageError


class ConvolverModule(nn.Module):
    """The convolver as a layer; the same output as the streaming forms from silence.

    Args:
        sample_rate_hz: Rate of the audio.
        ir, gain_db, normalize, max_s, mix: As declared in `fxlab.effects.convolver`.

    Attributes:
        taps: The filter that they make, float64 (channels of the response, N): a learnable impulse response.

    Shape:
        (..., frames) to the same; (..., channels, frames) where the response has several channels.

    Raises:
        InputError: The file can't be used as an impulse response.
    """

    def __init__(self, *, sample_rate_hz: int, ir: str, gain_db: float, normalize: str, max_s: float, mix: float) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        made = impulse.taps(impulse.load(ir, max_s), sample_rate_hz, gain_db, normalize, mix)
        self.taps = nn.Parameter(torch.from_numpy(made))

    def forward(self, x: Tensor) -> Tensor:
        channels, frames = len(self.taps), x.shape[-1]
        if channels > 1 and (x.dim() < 2 or x.shape[-2] != channels):
            raise UsageError(f"The impulse response has {channels} channels, audio {tuple(x.shape)} hasn't.", "Use a mono one.")
        dry = torch.where(torch.isfinite(x), x, 0.0).double()
        taps = self.taps if channels > 1 else self.taps[0]
        size = 1 << (frames + taps.shape[-1] - 2).bit_length()  # no less than the whole convolution, so that nothing wraps
        wet = torch.fft.irfft(torch.fft.rfft(dry, size) * torch.fft.rfft(taps, size), size)
        return wet[..., :frames].to(x.dtype)
