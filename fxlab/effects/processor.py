"""The contract of everything that turns audio into audio block by block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fxlab.audio import MAX_RATE_HZ, MIN_RATE_HZ
from fxlab.errors import UsageError

if TYPE_CHECKING:
    from fxlab.kernels.stages import Stage

State = dict[str, np.ndarray]


class Processor(ABC):
    """Turns audio into audio block by block: DSP effect, network, chain.

    Audio is float32, shape (channels, frames), C-contiguous, nominal range -1..1. The law: any split of the input into
    blocks gives the same output (1e-6 for DSP, 1e-5 for networks).

    A subclass sizes its buffers in `_allocate`, puts every array that must survive between blocks into `self._state`, and
    processes in `_run`, in place on those arrays. Non-finite input samples must count as silence so that no state is ever
    poisoned, and states must decay to zero, not to denormals.

    Attributes:
        latency: Delay of the output in samples at the prepared rate; known after `prepare`.
        tail: Samples after the end of the input until the output stays under -120 dB of full scale; known after `prepare`.
        native_rate_hz: The only rate it can run at, None when any will do.
    """

    native_rate_hz: int | None = None

    def __init__(self) -> None:
        self.latency = 0
        self.tail = 0
        self.sample_rate_hz = 0
        self.channels = 0
        self.max_block = 0
        self._state: State = {}
        self._initial: State = {}

    def prepare(self, sample_rate_hz: int, channels: int, max_block: int) -> None:
        """Allocates for blocks of 1..max_block frames, compiles what must be compiled, and resets.

        Raises:
            UsageError: A rate outside 8-192 kHz or one the processor can't run at, no channels, an empty block.
        """
        if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
            raise UsageError(f"A sample rate of {sample_rate_hz} Hz is out of range.", "fxlab works from 8000 to 192000 Hz.")
        if self.native_rate_hz not in (None, sample_rate_hz):
            raise UsageError(
                f"This model runs at {self.native_rate_hz} Hz, not at {sample_rate_hz} Hz.",
                "`fxlab render` resamples around it; elsewhere use audio of its own rate.",
            )
        if channels < 1 or max_block < 1:
            raise UsageError(f"Can't process {channels} channels in blocks of {max_block} frames.", "Both start at 1.")
        self.sample_rate_hz, self.channels, self.max_block = int(sample_rate_hz), int(channels), int(max_block)
        self._state = {}
        self._allocate()
        self._initial = self.state()
        # Kernels are compiled (or read from the cache) by their first call, which must not be the first block of a stream.
        silence = np.zeros((self.channels, 1), np.float32)
        self._run(silence, np.empty_like(silence))
        self.reset()

    @abstractmethod
    def _allocate(self) -> None:
        """Fills `_state`, sets `latency` and `tail`, from `sample_rate_hz`, `channels` and `max_block`."""

    @abstractmethod
    def _run(self, block: np.ndarray, out: np.ndarray) -> None:
        """Processes one block of at most `max_block` frames."""

    def process(self, block: np.ndarray, out: np.ndarray) -> None:
        """Processes one block into `out` (same shape; may be the same array). Neither allocates nor locks nor logs."""
        if block.shape[1]:
            self._run(block, out)

    def number_noise(self, first: int) -> int:
        """Numbers the noise streams of processors in a row, before `prepare`, so that no two of them get the same noise.

        Args:
            first: The next free number; a processor that adds noise takes as many as it needs.

        Returns:
            The next free number after that.
        """
        return first

    def compiled(self) -> Stage | None:
        """The prepared processor as code that plays without the interpreter, None where it hasn't got such a form.

        Both forms work on the same state: only one of them may play at a time. After another `prepare` it mustn't play any more.
        """
        return None

    def heritage(self) -> dict[str, np.ndarray]:
        """What a processor of the same kind with other parameters needs in order to go on where this one stands.

        Arrays of the state by name; those that another one has under the same name, in the same shape, are copied. A name tells
        of everything that gives its array another meaning. Empty where nothing can be taken over like that.
        """
        return dict(self._state)

    def remarks(self) -> list[str]:
        """What it did to the audio since it was last at rest, where that is its own decision: a sentence each."""
        return []

    def reset(self) -> None:
        """Back to silence, as after `prepare`."""
        self.restore(self._initial)

    def state(self) -> State:
        """The whole state as a value: a copy that later blocks don't change."""
        return {name: array.copy() for name, array in self._state.items()}

    def restore(self, state: State) -> None:
        """Goes back to a state taken with `state()` under the same `prepare`."""
        for name, array in self._state.items():
            np.copyto(array, state[name])


def blocks(audio: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Successive contiguous blocks of (channels, frames) audio, the last one shorter."""
    for start in range(0, audio.shape[1], size):
        yield np.ascontiguousarray(audio[:, start : start + size])


def apply(processor: Processor, audio: np.ndarray, sample_rate_hz: int, block: int = 8192) -> np.ndarray:
    """Whole audio through a processor from silence, latency not compensated.

    Args:
        audio: Shape (channels, frames) or (frames,), any float type.

    Returns:
        float32 of the same shape.
    """
    shaped = np.atleast_2d(np.asarray(audio, dtype=np.float32))
    processor.prepare(sample_rate_hz, shaped.shape[0], block)
    out = np.empty_like(shaped)
    done = 0
    for piece in blocks(shaped, block):
        wet = np.empty_like(piece)
        processor.process(piece, wet)
        out[:, done : done + piece.shape[1]] = wet
        done += piece.shape[1]
    return out.reshape(np.shape(audio))
