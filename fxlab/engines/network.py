"""What the processors of all network engines share: a card, the network's own rate, channels as a batch."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from fxlab.audio import MAX_LATENCY, MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.effects.processor import State
from fxlab.engines.knobs import Knobs
from fxlab.engines.settable import Settable
from fxlab.errors import InputError
from fxlab.models.controls import controls_of
from fxlab.models.model import Card

_MAX_RECEPTIVE_FIELD = 1 << 22
_KNOBS = "knobs"


class NetworkProcessor(Settable):
    """A trained network that maps audio to audio, every channel on its own, with the knobs that it was trained with.

    Args:
        card: The model's card; `sample_rate_hz`, `receptive_field`, `latency` and `controls` are read.
        state_shapes: Name to (features, frames) of the network's memories, in the order it takes them.
        controls: Knobs that the network has.
        tail: Samples that it rings on, of one that is at rest before it hears anything. Others are told none: they hear silence
            first, and ring no longer than they remember.

    Attributes:
        controls: Its knobs, in the order in which the network takes them.

    Raises:
        InputError: The card lacks one of these, or says what can't be.
    """

    def __init__(self, card: Card, state_shapes: dict[str, tuple[int, int]], controls: int = 0, tail: int | None = None) -> None:
        super().__init__()
        try:
            rate, latency, context = (int(card[key]) for key in ("sample_rate_hz", "latency", "receptive_field"))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError("The model's card lacks its sample rate, latency or receptive field.", "Export it again.") from None
        memory = sum(frames for _, frames in state_shapes.values())
        sane = MIN_RATE_HZ <= rate <= MAX_RATE_HZ and 0 <= latency <= MAX_LATENCY
        if not (sane and memory < context <= _MAX_RECEPTIVE_FIELD and (tail or 0) < _MAX_RECEPTIVE_FIELD):
            raise InputError(
                f"The model's card can't be right: {rate} Hz, latency {latency}, receptive field {context} for {memory} samples.",
                "Export it again.",
            )
        self._knobs = Knobs(controls_of(card))
        self.controls = self._knobs.controls
        if len(self.controls) != controls:
            raise InputError(
                f"The model's card names {len(self.controls)} knobs, and its network has {controls}.", "Export it again."
            )
        self.native_rate_hz, self._latency = rate, latency
        self._tail, self._silence = (context - 1, context - 1) if tail is None else (tail, 0)
        self.card, self.state_shapes = card, state_shapes
        self._heard = False

    @property
    def values(self) -> dict[str, float]:
        """What the knobs are set to, by name."""
        return self._knobs.values

    def set(self, /, **values: object) -> None:
        """Sets knobs; others stay.

        What already plays moves there within `RAMP_S`, sample by sample, and may be told so from any thread. What hasn't played
        since `prepare` or `reset` begins there, as if it had been set before that.

        Raises:
            UsageError: A knob that the model hasn't got, or a value out of its range; then none is set.
        """
        self._knobs.set(values)
        if values and self.sample_rate_hz and not self._heard:
            self.reset()

    def prepare(self, sample_rate_hz: int, channels: int, max_block: int) -> None:
        super().prepare(sample_rate_hz, channels, max_block)
        self._hear_silence()
        self._heard = False

    def heritage(self) -> State:
        return {}  # an engine may move its states from one place to another

    def reset(self) -> None:
        """Back to silence, the knobs where they are set."""
        if self.controls:
            self._knobs.settle()
            if not np.array_equal(self._knobs.state(), self._initial[_KNOBS]):
                for array in self._state.values():
                    array.fill(0)
                self._hear_silence()
        super().reset()
        self._heard = False

    def state(self) -> State:
        state = super().state()
        return state | {_KNOBS: self._knobs.state()} if self.controls else state

    def restore(self, state: State) -> None:
        super().restore(state)
        if self.controls:
            self._knobs.restore(state[_KNOBS])
        self._heard = True

    def _hear_silence(self) -> None:
        # A network's memory of silence isn't zero where its layers have biases: let it hear silence first, and no longer in
        # large blocks than in small ones, since a recurrent network may take far longer to settle.
        size = min(self.max_block, 4096)
        silence = np.zeros((self.channels, size), np.float32)
        wet = np.empty_like(silence)
        for start in range(0, self._silence, size):
            n = min(size, self._silence - start)
            self._run(silence[:, :n], wet[:, :n])
        self._initial = self.state()

    def _allocate(self) -> None:
        self.latency, self.tail = self._latency, self._tail
        for name, shape in self.state_shapes.items():
            self._state[name] = np.zeros((self.channels, *shape), np.float32)
        self._dry = np.zeros(self.channels * self.max_block, np.float32)
        self._finite = np.zeros(self.channels * self.max_block, bool)
        if self.controls:
            self._knobs.prepare(self.sample_rate_hz, self.max_block)

    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        dry, finite = self._dry[: block.size].reshape(block.shape), self._finite[: block.size].reshape(block.shape)
        # A non-finite sample counts as silence: it must not enter the network's memory.
        np.isfinite(block, out=finite)
        dry.fill(0.0)
        np.copyto(dry, block, where=finite)
        self._heard = True
        self._infer(dry, out, self._knobs.advance(block.shape[1]) if self.controls else None)

    @abstractmethod
    def _infer(self, dry: np.ndarray, out: np.ndarray, controls: np.ndarray | None) -> None:
        """Runs the network on `dry` into `out`, both (channels, frames), moving `_state` on.

        `dry` is packed at the start of `self._dry`, whatever the block's size. `controls` is where the knobs stand: packed
        float32 (controls, frames), or (controls, 1) while none moves; None if there are none.
        """
