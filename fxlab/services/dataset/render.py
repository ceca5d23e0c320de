"""Renders one take of a dataset: dry and wet side by side, from rest, straight into the pairs' files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from fxlab.audio.atomic import replacing
from fxlab.audio.float_wav import FloatWav
from fxlab.effects.chain import Chain
from fxlab.effects.processor import Processor
from fxlab.engines.loader import open_processor
from fxlab.errors import InputError
from fxlab.hashing import file_sha256
from fxlab.services.dataset.noise import mixed
from fxlab.services.dataset.plan import Rendering
from fxlab.settings import EffectSettings

BLOCK = 8192


def open_chain(stages: Sequence[EffectSettings], rate: int) -> Processor:
    """The chain, prepared for one channel at `rate`; raises `UsageError` or `InputError`."""
    chain = Chain([open_processor(stage.name, stage.set, stage.engine).processor for stage in stages])
    chain.prepare(rate, 1, BLOCK)
    return chain


def render(rendering: Rendering, directory: Path, rate: int, check: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """Writes the pairs of one rendering.

    Args:
        rendering: What to render.
        directory: The dataset's folder.
        rate: Its sample rate in Hz.
        check: Called before every block; what it raises ends the rendering, whose unfinished files go.

    Returns:
        Its rows with latency and hashes.

    Raises:
        InputError: The source can't be read, or the chain's output is no longer finite.
        OutputError: A pair can't be written.
    """
    chain = open_chain(rendering.stages, rate)
    feed = _Feed(_wet(rendering, chain, rate))
    rows = []
    for planned in rendering.rows:
        row = planned | {"latency": chain.latency}
        with ExitStack() as stack:
            writers = []
            for key in ("input", "target"):
                file = stack.enter_context(open(stack.enter_context(replacing(directory / row[key])), "wb"))
                writers.append(FloatWav(file, rate))
            for pair in feed.pieces(row["frames"]):
                check()
                for writer, samples in zip(writers, pair, strict=True):
                    writer.write(samples)
            for writer in writers:
                writer.finish()
        rows.append(row | {f"{key}_sha256": file_sha256(directory / row[key]) for key in ("input", "target")})
    return rows


def _wet(rendering: Rendering, chain: Processor, rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of the input at its level, and of what the chain makes of the clean sound."""
    gain = np.float32(10 ** (rendering.level_db / 20))
    for sound, heard in _sounds(rendering, rate):
        for start in range(0, len(sound), BLOCK):
            dry = np.ascontiguousarray(sound[None, start : start + BLOCK] * gain)
            wet = np.empty_like(dry)
            chain.process(dry, wet)
            if not np.isfinite(wet).all():
                names = ", ".join(stage.name for stage in rendering.stages)
                raise InputError(f"{names} makes samples of {rendering.take.source} that are not numbers.", "Leave it out.")
            yield heard[start : start + BLOCK] * gain, wet[0]


def _sounds(rendering: Rendering, rate: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of the clean sound, and of the same as it is heard: with noise, where there is some."""
    if rendering.noise is None:
        for sound in rendering.take.blocks(rate):
            yield sound, sound
    else:
        yield from mixed(rendering.take, rendering.noise, rendering.snr_db, [rendering.seed], rate)


class _Feed:
    """Hands out a stream of paired blocks in portions of exact length."""

    def __init__(self, blocks: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
        self._blocks = blocks
        self._rest = (np.zeros(0, np.float32), np.zeros(0, np.float32))

    def pieces(self, frames: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while frames:
            while not len(self._rest[0]):
                self._rest = next(self._blocks)
            dry, wet = self._rest
            count = min(frames, len(dry))
            yield dry[:count], wet[:count]
            self._rest = dry[count:], wet[count:]
            frames -= count
