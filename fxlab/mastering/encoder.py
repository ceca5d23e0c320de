"""From a song to one vector: strided stem, dilated residual blocks (a TCN), average over time, projection."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fxlab.mastering.config import MasterConfig
from fxlab.mastering.layers import NormalisedConv


class Encoder(nn.Module):
    """What the song is like, as `config.latent` numbers.

    A song is heard through several windows; their pooled vectors are averaged before the projection.

    Shape:
        Windows (batch, n, `config.channels`, frames), as `fxlab.mastering.stereo.heard` gives them, and features
        (batch, `config.features`), to (batch, latent).
    """

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        stem = zip((config.channels, *config.stem), config.stem, strict=False)
        self.stem = nn.ModuleList(NormalisedConv(a, b, config.stem_kernel, stride=config.stem_stride) for a, b in stem)
        layers = zip((config.stem[-1], *config.blocks), config.blocks, config.dilations, strict=False)
        self.blocks = nn.ModuleList(Block(a, b, config.block_kernel, dilation) for a, b, dilation in layers)
        self.dropout = nn.Dropout(config.pooled_dropout)
        self.projection = nn.Linear(config.blocks[-1] + config.features, config.latent)

    def forward(self, windows: Tensor, features: Tensor | None = None) -> Tensor:
        pooled = self.pooled(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        return self.latent(pooled.mean(1), features)

    def pooled(self, audio: Tensor) -> Tensor:
        """(batch, channels, frames) to the mean of its vectors (batch, blocks[-1])."""
        return self.vectors(audio).mean(-1)

    def latent(self, pooled: Tensor, features: Tensor | None = None) -> Tensor:
        """(batch, blocks[-1]) and (batch, features) to (batch, latent)."""
        pooled = self.dropout(pooled)
        return self.projection(pooled if features is None else torch.cat((pooled, features), -1))

    def vectors(self, audio: Tensor) -> Tensor:
        """(batch, channels, frames) to (batch, blocks[-1], frames / stride)."""
        for layer in self.stem:
            audio = layer(audio).relu()
        for block in self.blocks:
            audio = block(audio)
        return audio


class Block(nn.Module):
    """Two dilated convolutions around which the input goes by itself, through a 1x1 where the channels differ."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.first = NormalisedConv(inputs, outputs, kernel, dilation=dilation)
        self.second = NormalisedConv(outputs, outputs, kernel, dilation=dilation)
        self.residual = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.residual is None else self.residual(x)
        return (self.second(self.first(x).relu()) + around).relu()
