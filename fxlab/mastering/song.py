"""A song on its way to the limiter: read, trimmed, processed, at the rate of the target; as often as it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from fxlab.audio.files import AudioInfo, Reader, probe, read_blocks
from fxlab.audio.resampling import resampled
from fxlab.effects import pipeline
from fxlab.effects.registry import effect
from fxlab.mastering.chain import Chain
from fxlab.mastering.edit import Edit

BLOCK = 32_768


class Song:
    """A source and what is done to it before the limiter.

    Args:
        source: The file.
        chain: What is done to it; its loudness stage isn't played.
        rate_hz: Of what comes out; None for the file's own.
        edit: Trim and fades, None for neither.
        keep_samples: Up to so many are kept in memory, counted over all channels; longer songs are read and processed each time.

    Attributes:
        info: Of the file.
        rate_hz: Of what comes out.
        frames: How many that is; counted by the first playing, until then as the file's header says.
        replaced: Samples of the file that were not numbers.

    Raises:
        InputError: The file can't be read.
        UsageError: The chain can't be played.
    """

    def __init__(self, source: Path, chain: Chain, rate_hz: int | None, edit: Edit | None, keep_samples: int) -> None:
        self.info: AudioInfo = probe(source)
        self.rate_hz = rate_hz or self.info.sample_rate_hz
        self.replaced = 0
        if edit and edit.ends is None:
            edit = edit.located(read_blocks(source), self.info.sample_rate_hz)
        self._source, self._chain, self._edit = source, chain.before_loudness(), edit
        entering = edit.frames(self.info.frames, self.info.sample_rate_hz) if edit else self.info.frames
        self.frames = round(entering * self.rate_hz / self.info.sample_rate_hz)
        self._kept: list[np.ndarray] | None = [] if self.frames * self.info.channels <= keep_samples else None
        self._played = False

    def blocks(self, listen: Callable[[np.ndarray], None] = lambda block: None) -> Iterator[np.ndarray]:
        """The blocks (channels, n), the same each time.

        Args:
            listen: Is shown what enters the chain, where that isn't skipped because the result is still in memory.
        """
        if self._played and self._kept is not None:
            yield from self._kept
            return
        frames = 0
        for block in self._fresh(listen):
            frames += block.shape[1]
            if self._kept is not None:
                self._kept.append(block)
            yield block
        self.frames, self._played = frames, True

    def _fresh(self, listen: Callable[[np.ndarray], None]) -> Iterator[np.ndarray]:
        rate = self.info.sample_rate_hz
        processors = [effect(stage.name).processor(**stage.set) for stage in self._chain.stages()]
        made = pipeline.stages(processors, rate, self.info.channels, BLOCK)
        with Reader(self._source) as reader:
            entering: pipeline.Blocks = reader.blocks(BLOCK)
            if self._edit:
                entering = self._edit.apply(entering, self.info.frames, rate)
            processed = pipeline.through(_heard(entering, listen), made, rate)
            yield from resampled(processed, rate, self.rate_hz)
            self.replaced = reader.replaced


def _heard(blocks: pipeline.Blocks, listen: Callable[[np.ndarray], None]) -> Iterator[np.ndarray]:
    for block in blocks:
        listen(block)
        yield block
