"""The mastering network: it hears a song, decides the settings of a chain, and in training plays that chain differentiably."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fxlab.mastering.config import MasterConfig
from fxlab.mastering.decoders import AdaptiveDecoder, Bands, ParametricDecoder
from fxlab.mastering.encoder import Encoder
from fxlab.mastering.filters import equalise
from fxlab.mastering.grey_box import Box, GreyBox, process
from fxlab.mastering.residual import Residual
from fxlab.mastering.stereo import heard


@dataclass(frozen=True)
class Settings:
    """What is to be done to each song of a batch.

    Args:
        bands: Of the equaliser.
        need: (batch,), 0 to 1: how far the song is from a finished master. All that is below and the bands' gains have it in
            them already; `MasterNet.correction` too.
        box: Compressor, saturator and imager; None before phase 2.
    """

    bands: Bands
    need: Tensor
    box: Box | None = None


class MasterNet(nn.Module):
    """Encoder, decoder and what the phase adds.

    Shape:
        Windows (batch, n, 1 or 2, frames), audio (batch, 1 or 2, frames): mono, or left and right, at `config.sample_rate_hz`.
        Features (batch, `config.features`), None where that is 0.
    """

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = (AdaptiveDecoder if config.adaptive else ParametricDecoder)(config)
        self.grey_box = GreyBox(config) if config.grey_box else None
        self.residual = Residual(config) if config.has_residual else None

    def forward(self, windows: Tensor, features: Tensor | None, audio: Tensor) -> tuple[Tensor, Settings]:
        z = self.analyse(windows, features)
        settings = self.settings(z)
        return self.render(audio, settings, z), settings

    def analyse(self, windows: Tensor, features: Tensor | None = None) -> Tensor:
        """The latent (batch, latent) of songs heard through several windows each."""
        return self.encoder(heard(windows, self.config.channels), features)

    def settings(self, z: Tensor) -> Settings:
        """What the latent decides."""
        bands, need = self.decoder(z)
        return Settings(bands, need, None if self.grey_box is None else self.grey_box(z, need))

    def render(self, audio: Tensor, settings: Settings, z: Tensor) -> Tensor:
        """The audio with everything done to it: equaliser, grey box, and the residual of the untouched audio added."""
        done = equalise(audio, settings.bands, self.config.sample_rate_hz)
        if settings.box is not None:
            done = process(done, settings.box, self.config.sample_rate_hz)
        return done if self.residual is None else done + self.correction(audio, settings, z)

    def correction(self, audio: Tensor, settings: Settings, z: Tensor) -> Tensor:
        """What the residual adds to (batch, 1 or 2, frames); zeros in a phase without one."""
        if self.residual is None:
            return torch.zeros_like(audio)
        return settings.need[:, None, None] * self.residual(audio, z)
