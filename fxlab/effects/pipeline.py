"""Audio through a chain in constant memory: generators of blocks, latency taken out, models at their own rate.

Blocks are float32 (channels, n). Whatever the stages do, the output has exactly the frames of the input and is aligned with it.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fxlab.audio.resampling import resampled
from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor

Blocks = Iterable[np.ndarray]


@dataclass(frozen=True)
class Stage:
    """Processors that run in a row at one rate, prepared.

    Attributes:
        chain: The processors as one, prepared at `rate_hz`.
        rate_hz: Where they run; audio of another rate is resampled before and after.
    """

    chain: Chain
    rate_hz: int


def stages(processors: Sequence[Processor], sample_rate_hz: int, channels: int, block: int) -> list[Stage]:
    """Groups processors by the rate they run at (their own or the audio's) and prepares them.

    Raises:
        UsageError: A processor can't be prepared so.
    """
    grouped = itertools.groupby(processors, key=lambda processor: processor.native_rate_hz or sample_rate_hz)
    made = [Stage(Chain(list(group)), rate_hz) for rate_hz, group in grouped]
    stream = 0  # the chains of a pipeline share one numbering
    for stage in made:
        stream = stage.chain.number_noise(stream)
        stage.chain.prepare(stage.rate_hz, channels, block)
    return made


def latency_ms(made: Sequence[Stage]) -> float:
    """The delay that is taken out, in milliseconds."""
    return sum(1000 * stage.chain.latency / stage.rate_hz for stage in made)


def tail_frames(made: Sequence[Stage], sample_rate_hz: int) -> int:
    """Frames at the audio's rate until all stages have rung out after the end."""
    return sum(math.ceil(stage.chain.tail * sample_rate_hz / stage.rate_hz) for stage in made)


def remarks(made: Sequence[Stage]) -> list[str]:
    """What the stages decided on the audio that they have played, a sentence each."""
    return [remark for stage in made for remark in stage.chain.remarks()]


def extended(blocks: Blocks, frames: int, channels: int, block: int) -> Iterator[np.ndarray]:
    """The blocks, and so many frames of silence after them."""
    yield from blocks
    for start in range(0, frames, block):
        yield np.zeros((channels, min(block, frames - start)), np.float32)


def through(blocks: Blocks, made: Sequence[Stage], sample_rate_hz: int) -> Iterator[np.ndarray]:
    """The blocks after all stages: as many frames as came in, sample for sample aligned with them."""
    entered = _Counter(blocks)
    stream: Blocks = entered
    for stage in made:
        inside = resampled(stream, sample_rate_hz, stage.rate_hz)
        stream = resampled(_compensated(inside, stage.chain), stage.rate_hz, sample_rate_hz)
    return _fitted(stream, entered)


def mixed(blocks: Blocks, process: Callable[[Blocks], Blocks], mix: float) -> Iterator[np.ndarray]:
    """Dry and processed audio added up, sample for sample: `(1 - mix) * dry + mix * wet`.

    Args:
        blocks: The dry audio.
        process: Turns blocks into as many aligned frames, as `through` does.
        mix: Share of the processed signal, 0..1; 1 is the processed signal itself.
    """
    if mix == 1.0:
        yield from process(blocks)
        return
    waiting: deque[np.ndarray] = deque()

    def noted() -> Iterator[np.ndarray]:
        for block in blocks:
            waiting.append(block)
            yield block

    for wet in process(noted()):
        dry = _take(waiting, wet.shape[1])
        yield np.float32(1.0 - mix) * dry + np.float32(mix) * wet


class _Counter:
    """Passes blocks on and counts their frames."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self.frames = self.channels = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self.channels = block.shape[0]
            self.frames += block.shape[1]
            yield block


def _compensated(blocks: Blocks, chain: Chain) -> Iterator[np.ndarray]:
    """A prepared chain's output without its latency, of the input's length: silence is fed at the end to get the rest out."""
    late = chain.latency
    channels = chain.channels
    for block in itertools.chain(blocks, extended((), late, channels, chain.max_block)):
        for start in range(0, block.shape[1], chain.max_block):
            piece = np.ascontiguousarray(block[:, start : start + chain.max_block], np.float32)
            wet = np.empty_like(piece)
            chain.process(piece, wet)
            skipped = min(late, wet.shape[1])
            late -= skipped
            if skipped < wet.shape[1]:
                yield wet[:, skipped:]


def _fitted(blocks: Blocks, entered: _Counter) -> Iterator[np.ndarray]:
    """The blocks cut or filled with silence to the frames that entered, as resampling there and back may be a sample off."""
    left = 0
    held = np.zeros((0, 0), np.float32)
    for block in blocks:
        block = np.concatenate((held, block), axis=1) if held.shape[1] else block
        ready = min(block.shape[1], entered.frames - left)
        held = block[:, ready:]
        left += ready
        if ready:
            yield block[:, :ready]
    if entered.frames > left:
        last = np.zeros((entered.channels, entered.frames - left), np.float32)
        rest = held[:, : last.shape[1]]
        last[: len(rest), : rest.shape[1]] = rest
        yield last


def _take(waiting: deque[np.ndarray], frames: int) -> np.ndarray:
    """The next frames of a queue of blocks."""
    taken: list[np.ndarray] = []
    while frames:
        block = waiting.popleft()
        if block.shape[1] > frames:
            waiting.appendleft(block[:, frames:])
            block = block[:, :frames]
        taken.append(block)
        frames -= block.shape[1]
    return np.concatenate(taken, axis=1)
