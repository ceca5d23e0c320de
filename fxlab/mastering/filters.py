"""The equaliser that decoders set: exact in the time domain, and its response in closed form; both differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from fxlab.audio import biquad
from fxlab.effects import biquad_torch
from fxlab.mastering.decoders import Bands


def sections(bands: Bands, rate_hz: float) -> Tensor:
    """The bands as biquads (batch, bands, 5), float64; frequencies are taken as 0.49 of the rate at most."""
    freq_hz = bands.freq_hz.double().clamp(max=biquad.HIGHEST * rate_hz)
    return biquad_torch.peaking(freq_hz, bands.gain_db.double(), bands.q.double(), rate_hz)


def equalise(audio: Tensor, bands: Bands, rate_hz: float) -> Tensor:
    """Every song of a batch through its own bands, from rest.

    Args:
        audio: (batch, channels, frames) at `rate_hz`.
        bands: Each (batch, bands); gradients reach gains, frequencies, Qs and the audio.
    """
    cascades = sections(bands, rate_hz)[:, None].expand(-1, audio.shape[1], -1, -1)
    return biquad_torch.cascade(audio, cascades)


def response_db(bands: Bands, freqs_hz: Tensor, rate_hz: float) -> Tensor:
    """Gain in dB of each song's bands at `freqs_hz` (freqs,), below half the rate: (batch, freqs).

    With p = 4 sin^2(w / 2) the square of a section's numerator on the unit circle is
    (b0 + b1 + b2)^2 - (b0 b1 + 4 b0 b2 + b1 b2) p + b0 b2 p^2, and its denominator's likewise.
    """
    b0, b1, b2, a1, a2 = sections(bands, rate_hz)[:, :, None].unbind(-1)  # each (batch, bands, 1)
    p = 4.0 * torch.sin(math.pi / rate_hz * freqs_hz.double()) ** 2

    def squared(c0: Tensor | float, c1: Tensor, c2: Tensor) -> Tensor:
        return (c0 + c1 + c2) ** 2 - (c0 * c1 + 4.0 * c0 * c2 + c1 * c2) * p + c0 * c2 * p * p

    level_db = 10.0 * torch.log10(squared(b0, b1, b2) / squared(1.0, a1, a2))
    return level_db.sum(1).to(bands.gain_db.dtype)
