"""An instrument's network in torch (Engel et al., "DDSP: Differentiable Digital Signal Processing", ICLR 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.fade import fade
from fxlab.timbre.player import NOISE_BIAS, SLOPE


class Ddsp(nn.Module):
    """A performance, frame by frame, to the controls of a synthesizer.

    Args:
        config: What it looks like; of its automaton nothing is held here.
    """

    recurrent = False

    def __init__(self, config: InstrumentConfig) -> None:
        super().__init__()
        self.config = config
        self.gru = nn.GRU(config.inputs, config.hidden, config.layers, batch_first=True)
        self.harmonic = _head(config.hidden, config.dense, 1 + config.harmonics)
        self.noise = _head(config.hidden, config.dense, config.bands)
        if config.reverb:
            self.impulse = nn.Parameter(torch.zeros(config.reverb))

    def forward(self, given: Tensor, f0_hz: Tensor) -> tuple[Tensor, Tensor]:
        """Controls of a synthesizer.

        Args:
            given: As `fxlab.timbre.player.inputs_of` makes it, (batch, frames, config.inputs).
            f0_hz: Fundamental frequency, (batch, frames).

        Returns:
            Amplitudes of harmonics, (batch, frames, harmonics), and magnitudes of noise bands, (batch, frames, bands).
        """
        hidden, _ = self.gru(given)
        with torch.autocast(hidden.device.type, enabled=False):
            hidden = hidden.float()
            out = self.harmonic(hidden)
            multiples = torch.arange(1, self.config.harmonics + 1, device=f0_hz.device)
            share = f0_hz[..., None] * multiples / (self.config.sample_rate_hz / 2)
            shares = exp_sigmoid(out[..., 1:]) * fade(share)
            harmonics = exp_sigmoid(out[..., :1]) * shares / shares.sum(dim=-1, keepdim=True).clamp_min(1e-7)
            return harmonics, exp_sigmoid(self.noise(hidden) + NOISE_BIAS)

    def room(self, dry: Tensor) -> Tensor:
        """(batch, samples) in the instrument's room: dry sound and what its impulse response adds."""
        if not self.config.reverb:
            return dry
        size = dry.shape[-1] + self.config.reverb
        wet = torch.fft.irfft(torch.fft.rfft(dry, size) * torch.fft.rfft(self.impulse, size), size)
        return dry + wet[..., : dry.shape[-1]]


def exp_sigmoid(x: Tensor) -> Tensor:
    """2 sigmoid(x)^ln(10) + 1e-7."""
    return 2 * torch.exp(math.log(10.0) * nn.functional.logsigmoid(x)) + 1e-7


def _head(inputs: int, dense: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, dense), nn.LeakyReLU(SLOPE), nn.Linear(dense, outputs))
