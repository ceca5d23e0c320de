"""The parts of phase 2 that can be read off: a compressor, a saturator and an imager, whose settings the latent decides."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fxlab.effects.compressor.torch_compress import compress
from fxlab.mastering.config import GREY_BOX, MasterConfig
from fxlab.mastering.layers import silent_start
from fxlab.mastering.ranges import (
    ATTACK_MS,
    LOWEST_THRESHOLD_DB,
    MOST_DRIVE_DB,
    MOST_WIDTH_DB,
    RELEASE_MS,
    STEEPEST,
    WIDEST_KNEE_DB,
)
from fxlab.mastering.stereo import left_right, mid_side

_LITTLE = -3.0  # a sigmoid of about 0.05: near nothing, and not flat


class Box(NamedTuple):
    """Settings of the grey box, each (batch,).

    Args:
        threshold_db: Of the compressor, -48 to 0.
        ratio: 1 to 4.
        attack_ms: 1 to 100.
        release_ms: 20 to 1000.
        knee_db: 0 to 12.
        drive_db: Gain into the saturator's curve, 0 to 12.
        mix: Share of the saturated signal, 0 to 1.
        width: Gain of the side, -6 to 6 dB as a factor.
    """

    threshold_db: Tensor
    ratio: Tensor
    attack_ms: Tensor
    release_ms: Tensor
    knee_db: Tensor
    drive_db: Tensor
    mix: Tensor
    width: Tensor


class GreyBox(nn.Module):
    """(batch, latent) and the need (batch,) to a `Box`; at first one that does next to nothing, and nothing for a need of 0."""

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(config.latent, config.hidden), nn.Linear(config.hidden, len(GREY_BOX))
        silent_start(self.out, torch.tensor([_LITTLE if name in ("slope", "mix") else 0.0 for name in GREY_BOX]))

    def forward(self, z: Tensor, need: Tensor) -> Box:
        raw = dict(zip(GREY_BOX, self.out(self.hidden(z).relu()).unbind(-1), strict=True))
        share = {name: value.sigmoid() for name, value in raw.items()}
        return Box(
            threshold_db=LOWEST_THRESHOLD_DB * share["threshold"],
            ratio=1.0 / (1.0 - STEEPEST * need * share["slope"]),
            attack_ms=_between(ATTACK_MS, share["attack"]),
            release_ms=_between(RELEASE_MS, share["release"]),
            knee_db=WIDEST_KNEE_DB * share["knee"],
            drive_db=MOST_DRIVE_DB * share["drive"],
            mix=need * share["mix"],
            width=10.0 ** (MOST_WIDTH_DB / 20.0 * need * raw["width"].tanh()),
        )


def process(audio: Tensor, box: Box, rate_hz: float) -> Tensor:
    """Every song of a batch (batch, 1 or 2, frames), mono or left and right, through its compressor, saturator and imager."""
    return widen(saturate(squeeze(audio, box, rate_hz), box.drive_db, box.mix), box.width)


def squeeze(audio: Tensor, box: Box, rate_hz: float) -> Tensor:
    """The compressor, its channels linked, without make-up gain: what follows sets the level."""
    settings = (value.double() for value in box[:5])
    return compress(audio, *settings, 0.0, rate_hz)


def saturate(audio: Tensor, drive_db: Tensor, mix: Tensor) -> Tensor:
    """tanh(g x) / g beside the dry signal: quiet passages keep their level at any drive."""
    gain = 10.0 ** (drive_db[:, None, None] / 20.0)
    return audio + mix[:, None, None] * (torch.tanh(gain * audio) / gain - audio)


def widen(audio: Tensor, width: Tensor) -> Tensor:
    """The side times `width`; mono stays as it is."""
    if audio.shape[1] == 1:
        return audio
    mid, side = mid_side(audio).split(1, -2)
    return left_right(torch.cat((mid, width[:, None, None] * side), -2))


def _between(bounds: tuple[float, float], share: Tensor) -> Tensor:
    low, high = bounds
    return low * (high / low) ** share
