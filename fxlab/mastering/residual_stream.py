"""The residual's correction as a stream: any blocks give what the whole song gives."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fxlab.effects.processor import Processor
from fxlab.errors import UsageError
from fxlab.mastering.network import MasterNet, Settings

HOP = 8192


class ResidualStream(Processor):
    """`MasterNet.correction` of one song, block by block; to be added to what the equaliser makes of the song.

    It plays whenever `hop` samples more have come, with what it needs on both sides of them, so it takes the same pieces
    whatever the blocks are; its latency is the hop and the margin after it.

    Args:
        network: Of a phase with a residual; put into evaluation mode.
        settings, z: Of one song (a batch of 1), from `MasterNet.settings` and `MasterNet.analyse`.
        hop: Samples that it plays at once, in whole steps of the residual's grid.

    Raises:
        UsageError: A phase without a residual; in `prepare`, a rate other than the network's or more than two channels.
    """

    def __init__(self, network: MasterNet, settings: Settings, z: Tensor, hop: int = HOP) -> None:
        super().__init__()
        if network.residual is None:
            raise UsageError("Phase 1a has no residual to play.", "Train phase 1b, 1c or 2.")
        self.residual, self.need, self.z, self.hop = network.residual.eval(), settings.need, z, hop
        self.native_rate_hz = network.config.sample_rate_hz

    def _allocate(self) -> None:
        if self.channels > 2:
            raise UsageError(f"A mastering network can't correct {self.channels} channels.", "Give it mono or stereo audio.")
        margin = self.residual.margin
        self.latency, self.tail = self.hop + margin, self.residual.context
        heard = np.zeros((self.channels, 2 * margin + self.hop), np.float32)
        ready = np.zeros((self.channels, self.hop), np.float32)
        self._state = {"heard": heard, "ready": ready, "position": np.zeros(1, np.int64)}

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        heard, ready, position = self._state["heard"], self._state["ready"], self._state["position"]
        before = heard.shape[1] - self.hop
        done = 0
        while done < block.shape[1]:
            at = int(position[0])
            count = min(block.shape[1] - done, self.hop - at)
            piece = block[:, done : done + count]
            heard[:, before + at : before + at + count] = np.where(np.isfinite(piece), piece, 0.0)
            out[:, done : done + count] = ready[:, at : at + count]
            done += count
            position[0] = (at + count) % self.hop
            if not position[0]:
                ready[:] = self._play(heard)
                heard[:, :before] = heard[:, self.hop :].copy()

    @torch.inference_mode()
    def _play(self, heard: np.ndarray) -> np.ndarray:
        return (self.need[:, None, None] * self.residual.inside(torch.from_numpy(heard)[None], self.z))[0].numpy()
