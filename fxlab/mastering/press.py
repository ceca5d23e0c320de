"""The last stage: a song through the limiter into a file, which is read back, until the file is as it was promised."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.files import Writer
from fxlab.effects import pipeline
from fxlab.effects.limiter.stream import INTERVAL
from fxlab.effects.registry import effect
from fxlab.mastering.beside import Beside
from fxlab.mastering.chain import Chain
from fxlab.mastering.delivered import Reduction
from fxlab.mastering.song import BLOCK, Song
from fxlab.mastering.verification import Measured, measure

MARGIN_DB = {"PCM_16": 0.03, "PCM_24": 0.02, "FLOAT": 0.02, "VORBIS": 0.5}
"""How far the limiter's ceiling is under the target's at first: what rounding, dither and coding add."""

_SPARE_DB = 0.01
_CLOSE_LU = 0.05  # a file that is so near its loudness isn't made again
_ATTEMPTS = 4
_WRITTEN = 0.55  # share of an attempt that is done when the file is written
_POINTS = 4096


@dataclass(frozen=True)
class Order:
    """What is wanted.

    Attributes:
        chain: Its loudness stage is played where it has one.
        gain_db: What gives the limiter's gain, from its ceiling and a correction of the loudness, where it is to be found.
        lufs: How loud the file should be, None for any.
        ceiling_db: What its true peak must not exceed, None for any.
        subtype: Sample format.
        force, token: As `Writer` takes them.
    """

    chain: Chain
    gain_db: Callable[[float, float], float] | None
    lufs: float | None
    ceiling_db: float | None
    subtype: str
    force: bool
    token: str | None


@dataclass(frozen=True)
class Pressed:
    """The file as it is read back, and how it came about (see `fxlab.mastering.delivered.Delivered`)."""

    measured: Measured
    chain: Chain
    iterations: int
    peak_reduction_db: float
    reduction: Reduction
    clipped: int
    dropped_tags: tuple[str, ...]


class _Again(Exception):
    """The file isn't good enough yet, and must not take its place."""

    def __init__(self, measured: Measured) -> None:
        super().__init__()
        self.measured = measured


def press(song: Song, output: Path, order: Order, progress: Callable[[float], None]) -> Pressed:
    """Writes the master, up to four times; whether everything is as wanted then is for the caller to see.

    Args:
        song: Up to the limiter.
        output: The file.
        order: What is wanted.
        progress: Is told the share that is done, 0..1.
    """
    margin, correction, begun = MARGIN_DB[order.subtype], 0.0, 0.0
    for attempt in range(1, _ATTEMPTS + 1):
        chain = order.chain
        if order.gain_db is not None:
            ceiling = round(order.ceiling_db - margin, 4)
            chain = dataclasses.replace(chain, loudness={"gain_db": order.gain_db(ceiling, correction), "ceiling_db": ceiling})
        last = attempt == _ATTEMPTS or order.gain_db is None
        end = 1.0 - 0.1 * 0.5**attempt  # further attempts are rare

        def advance(share: float, begun: float = begun, end: float = end) -> None:
            progress(begun + (end - begun) * share)

        try:
            return _attempt(song, chain, output, order, attempt, last, advance)
        except _Again as again:
            margin += max(0.0, _over_db(again.measured, order) + _SPARE_DB)
            correction += _off_lu(again.measured, order)
            begun = end
    raise AssertionError("the last attempt is kept")


def _attempt(
    song: Song, chain: Chain, output: Path, order: Order, attempt: int, last: bool, progress: Callable[[float], None]
) -> Pressed:
    info, frames = song.info, song.frames
    stream, limiter = song.blocks(), None
    if chain.loudness:
        limiter = effect("limiter").processor(**chain.loudness)
        limiter.recorded = frames
        made = pipeline.stages([limiter], song.rate_hz, info.channels, BLOCK)
        stream = pipeline.through(stream, made, song.rate_hz)
    writer = Writer(
        output,
        song.rate_hz,
        info.channels,
        order.subtype,
        tags=info.tags,
        force=order.force,
        frames=frames,
        channel_map=info.channel_map,
        token=order.token,
    )
    with writer:
        done = 0
        with Beside(writer.write) as write:
            for block in stream:
                write(block)
                done += block.shape[1]
                progress(_WRITTEN * min(1.0, done / frames))
        measured = measure(writer.finish(), info.channel_map, lambda share: progress(_WRITTEN + (1.0 - _WRITTEN) * share))
        good = _over_db(measured, order) <= 0.0 and abs(_off_lu(measured, order)) <= _CLOSE_LU
        if not good and not last:
            raise _Again(measured)
    return Pressed(
        measured=measured,
        chain=chain,
        iterations=attempt if limiter else 0,
        peak_reduction_db=limiter.reduction_db if limiter else 0.0,
        reduction=_reduction(limiter.reductions_db() if limiter else np.zeros(1), song.rate_hz),
        clipped=writer.clipped,
        dropped_tags=tuple(writer.dropped_tags),
    )


def _over_db(measured: Measured, order: Order) -> float:
    """By how much the file is over its ceiling; less than 0 where it is under."""
    return -1.0 if order.ceiling_db is None else measured.programme.true_peak_db - order.ceiling_db


def _off_lu(measured: Measured, order: Order) -> float:
    """By how much the file is louder than wanted."""
    return 0.0 if order.lufs is None else measured.lufs - order.lufs


def _reduction(intervals: np.ndarray, rate_hz: int) -> Reduction:
    together = max(1, -(-len(intervals) // _POINTS))
    padded = np.pad(intervals, (0, -len(intervals) % together)).reshape(-1, together)
    return Reduction(np.arange(len(padded)) * (together * INTERVAL / rate_hz), padded.max(axis=1))
