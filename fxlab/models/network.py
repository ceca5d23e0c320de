"""The base of networks: what all that turn audio into audio, block by block, have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A network that is defined by `stream`: one block with the memories in and out.

    Args:
        config: What it looks like (`fxlab.models.network_config.NetworkConfig` or one of fxlab's own).

    Shape:
        `forward`: (batch, 1, receptive_field - 1 + n) to (batch, 1, n); the leading samples are context only.
        `stream`: (batch, 1, n) and the states of `config.state_shapes()`, (batch, features, frames) each, to (batch, 1, n) and
        the new states. Any n from 1 on must give the same output.
        Both take `controls`, (batch, controls, as many frames as `dry`, or 1 where no knob moves), if the network has any.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config

    def stream(self, dry: Tensor, *states: Tensor, controls: Tensor | None = None) -> tuple[Tensor, ...]:
        """One block: the output, and the new states in the same order."""
        raise NotImplementedError

    @property
    def recurrent(self) -> bool:
        return bool(self.config.recurrent)

    @property
    def receptive_field(self) -> int:
        return int(self.config.receptive_field)

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Name to (features, frames) of every memory."""
        shapes: dict[str, tuple[int, int]] = self.config.state_shapes()
        return shapes

    def rest(self, batch: int = 1) -> tuple[Tensor, ...]:
        """The states before anything was heard: zeros."""
        like = next(self.parameters())
        return tuple(like.new_zeros(batch, *shape) for shape in self.state_shapes().values())

    def forward(self, dry: Tensor, controls: Tensor | None = None) -> Tensor:
        context = self.receptive_field - 1
        if not self.recurrent:
            return self.stream(dry, *self.rest(len(dry)), controls=controls)[0][..., context:]
        before = after = controls
        if controls is not None and controls.shape[-1] > 1:
            before, after = controls[..., :context], controls[..., context:]
        with torch.no_grad():
            _, *states = self.stream(dry[..., :context], *self.rest(len(dry)), controls=before)
        return self.stream(dry[..., context:], *states, controls=after)[0]
