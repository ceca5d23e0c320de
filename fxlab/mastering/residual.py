"""What an equaliser can't do: a Wave-U-Net (Stoller et al. 2018) whose blocks the latent modulates (FiLM, Perez et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from fxlab.mastering.config import MasterConfig
from fxlab.mastering.layers import NormalisedConv, silent_start
from fxlab.mastering.span import context
from fxlab.mastering.stereo import heard, left_right


class Residual(nn.Module):
    """A correction to add to the audio; silence until it has learnt something.

    It hears `context` samples before and after each sample, silence around the audio. It is the same at every `alignment`-th
    place, so pieces with their context give what the whole gives. In evaluation its answer to silence is taken off: silence
    stays silence.

    Shape:
        Audio (batch, 1 or 2, frames), mono or left and right, and z (batch, latent) to the shape of the audio. A network of one
        channel corrects each by itself; one of two hears mid and side.
    """

    def __init__(self, config: MasterConfig) -> None:
        super().__init__()
        self.channels, self.alignment, self.context, self.skips = config.channels, config.alignment, context(config), config.skips
        film = config.conditioning == "film"
        self.project = None if film else nn.Linear(config.latent, config.conditions)
        blocks = {
            name: Block(inputs + config.conditions, outputs, config.residual_kernel, config.latent if film else 0)
            for name, inputs, outputs in config.residual_blocks()
        }
        levels = range(len(config.residual) - 1)
        self.down = nn.ModuleList(blocks[f"down.{i}"] for i in levels)
        self.bottleneck = blocks["bottleneck"]
        self.up = nn.ModuleList(blocks[f"up.{i}"] for i in levels)
        self.out = nn.Conv1d(config.residual[0], config.channels, 1)
        silent_start(self.out)

    @property
    def margin(self) -> int:
        """The context in whole steps of the grid."""
        return -(-self.context // self.alignment) * self.alignment

    def forward(self, audio: Tensor, z: Tensor) -> Tensor:
        frames = audio.shape[-1]
        after = self.margin + -frames % self.alignment
        return self.inside(functional.pad(audio, (self.margin, after)), z)[..., :frames]

    def inside(self, audio: Tensor, z: Tensor) -> Tensor:
        """The correction of a piece without the margins that it has on both sides; frames in whole steps of the grid."""
        channels = audio.shape[1]
        if self.channels == 1:
            x, z = audio.flatten(0, 1)[:, None], z.repeat_interleave(channels, 0)
        else:
            x = heard(audio, 2)
        y = self._net(x, z)
        if not self.training:
            y = y - self._net(x.new_zeros(*x.shape[:2], 2 * self.margin + self.alignment), z)[..., :1]
        return y.view_as(audio[..., : y.shape[-1]]) if self.channels == 1 else left_right(y, channels)

    def _net(self, x: Tensor, z: Tensor) -> Tensor:
        c, frames, levels = z if self.project is None else self.project(z), x.shape[-1], []
        for block in self.down:
            x = block(x, c)
            levels.append(x)
            x = functional.avg_pool1d(x, 2)
        x = self.bottleneck(x, c)
        for block in self.up:
            x = functional.interpolate(x, scale_factor=2, mode="linear")
            around = levels.pop()
            x = block(torch.cat((x, around), 1) if self.skips else x, c)
        return self.out(x)[..., self.margin : frames - self.margin]


class Block(NormalisedConv):
    """Convolution, normalisation, ReLU; then scaled and shifted by the latent, or else told of it by constant inputs."""

    def __init__(self, inputs: int, outputs: int, kernel: int, latent: int) -> None:
        super().__init__(inputs, outputs, kernel)
        self.gamma, self.beta = (nn.Linear(latent, outputs) if latent else None for _ in range(2))
        if self.gamma is not None and self.beta is not None:
            # A factor around 0 would let nothing through at first, and scale every gradient with it.
            nn.init.ones_(self.gamma.bias)
            nn.init.zeros_(self.beta.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        if self.gamma is None or self.beta is None:
            return super().forward(torch.cat((x, c[:, :, None].expand(-1, -1, x.shape[-1])), 1)).relu()
        return self.gamma(c)[:, :, None] * super().forward(x).relu() + self.beta(c)[:, :, None]
