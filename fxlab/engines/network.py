"""What the processors of all network engines share: a card, the network's own rate, channels as a batch."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from fxlab.audio import MAX_LATENCY, MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.effects.processor import Processor
from fxlab.errors import InputError
from fxlab.models.model import Card

_MAX_RECEPTIVE_FIELD = 1 << 22


class NetworkProcessor(Processor):
    """A trained network that maps audio to audio, every channel on its own.

    Args:
        card: The model's card; `sample_rate_hz`, `receptive_field` and `latency` are read.
        state_shapes: Name to (features, frames) of the network's memories, in the order it takes them.

    Raises:
        InputError: The card lacks one of these, or says what can't be.
    """

    def __init__(self, card: Card, state_shapes: dict[str, tuple[int, int]]) -> None:
        super().__init__()
        try:
            rate, latency, context = (int(card[key]) for key in ("sample_rate_hz", "latency", "receptive_field"))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError("The model's card lacks its sample rate, latency or receptive field.", "Export it again.") from None
        memory = sum(frames for _, frames in state_shapes.values())
        sane = MIN_RATE_HZ <= rate <= MAX_RATE_HZ and 0 <= latency <= MAX_LATENCY
        if not (sane and memory < context <= _MAX_RECEPTIVE_FIELD):
            raise InputError(
                f"The model's card can't be right: {rate} Hz, latency {latency}, receptive field {context} for {memory} samples.",
                "Export it again.",
            )
        self.native_rate_hz, self._latency, self._tail = rate, latency, context - 1
        self.card, self.state_shapes = card, state_shapes

    def prepare(self, sample_rate_hz: int, channels: int, max_block: int) -> None:
        super().prepare(sample_rate_hz, channels, max_block)
        # A network's memory of silence isn't zero where its layers have biases: let it hear silence first.
        silence = np.zeros((channels, min(max_block, 4096)), np.float32)
        wet = np.empty_like(silence)
        for _ in range(-(-self._tail // silence.shape[1])):
            self._run(silence, wet)
        self._initial = self.state()

    def _allocate(self) -> None:
        self.latency, self.tail = self._latency, self._tail
        for name, shape in self.state_shapes.items():
            self._state[name] = np.zeros((self.channels, *shape), np.float32)
        self._dry = np.zeros(self.channels * self.max_block, np.float32)
        self._finite = np.zeros(self.channels * self.max_block, bool)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        dry, finite = self._dry[: block.size].reshape(block.shape), self._finite[: block.size].reshape(block.shape)
        # A non-finite sample counts as silence: it must not enter the network's memory.
        np.isfinite(block, out=finite)
        dry.fill(0.0)
        np.copyto(dry, block, where=finite)
        self._infer(dry, out)

    @abstractmethod
    def _infer(self, dry: np.ndarray, out: np.ndarray) -> None:
        """Runs the network on `dry` into `out`, both (channels, frames), moving `_state` on.

        `dry` is packed at the start of `self._dry`, whatever the block's size.
        """
