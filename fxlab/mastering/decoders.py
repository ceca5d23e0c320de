"""From the latent to the bands of an equaliser, and to how much of them the song needs.

Frequencies lie between 20 Hz and 20 kHz by the logarithm. (The drawing's formula, 20 + 19980 sigmoid(u), is linear although its
text says logarithmic: half of its range would lie above 10 kHz.) Qs too are spread by the logarithm.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fxlab.mastering.config import MasterConfig
from fxlab.mastering.layers import silent_start
from fxlab.mastering.ranges import HIGH_HZ, HIGH_Q, LOW_HZ, LOW_Q, MOST_DB

_FIRST_Q = 1.0
_FIRST_NEED = 1.0


class Bands(NamedTuple):
    """Peaking bands, each (batch, bands).

    Args:
        freq_hz: 20 to 20000.
        gain_db: What is applied, -12 to 12: gates and need are in it.
        q: 0.5 to 5.
        weight: The gates, 0 to 1; 1 where bands have none.
    """

    freq_hz: Tensor
    gain_db: Tensor
    q: Tensor
    weight: Tensor


class ParametricDecoder(nn.Module):
    """Bands of an equaliser, all of them on. At first they are spread evenly over the octaves, at 0 dB and a Q of 1.

    Shape:
        (batch, latent) to `Bands` and the need, (batch,), 0 to 1; 1 for a network that doesn't abstain.
    """

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        self.hidden = nn.ModuleList((nn.Linear(config.latent, config.hidden), nn.Linear(config.hidden, config.hidden)))
        self.dropout = nn.Dropout(config.dropout)
        self.freq, self.gain, self.q = (nn.Linear(config.hidden, config.bands) for _ in range(3))
        self.need = nn.Linear(config.hidden, 1) if config.abstain else None
        silent_start(self.freq, torch.logit((torch.arange(config.bands) + 0.5) / config.bands))
        silent_start(self.gain)
        silent_start(self.q, _logit(math.log(_FIRST_Q / LOW_Q) / math.log(HIGH_Q / LOW_Q)))
        if self.need is not None:
            silent_start(self.need, _FIRST_NEED)

    def forward(self, z: Tensor) -> tuple[Bands, Tensor]:
        h = z
        for layer in self.hidden:
            h = self.dropout(layer(h).relu())
        need = z.new_ones(len(z)) if self.need is None else self.need(h)[:, 0].sigmoid()
        freq_hz = LOW_HZ * (HIGH_HZ / LOW_HZ) ** self.freq(h).sigmoid()
        q = LOW_Q * (HIGH_Q / LOW_Q) ** self.q(h).sigmoid()
        weight = self.gates(z)
        gain_db = MOST_DB * self.gain(h).tanh() * weight * need[:, None]
        return Bands(freq_hz, gain_db, q, weight), need

    def gates(self, z: Tensor) -> Tensor:
        """How far each band is on."""
        return z.new_ones(len(z), self.gain.out_features)


class AdaptiveDecoder(ParametricDecoder):
    """Bands that a selector turns on and off, softly."""

    def __init__(self, config: MasterConfig) -> None:
        super().__init__(config)
        self.selector = Selector(config)

    def gates(self, z: Tensor) -> Tensor:
        return self.selector(z)


class Selector(nn.Module):
    """(batch, latent) to gates (batch, bands), 0 to 1."""

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        self.hidden = nn.Linear(config.latent, config.selector)
        self.out = nn.Linear(config.selector, config.bands)

    def forward(self, z: Tensor) -> Tensor:
        return self.out(self.hidden(z).relu()).sigmoid()


def _logit(share: float) -> float:
    return math.log(share / (1.0 - share))
