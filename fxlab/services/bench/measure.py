"""How `bench` takes time: every cell in every round, in random order, each block by itself, nothing else in between.

A cell is one engine of one effect at one buffer size. All cells take turns within a round, so that a machine which slows down
or is disturbed for a while hits all alike; the rounds are the independent runs that the confidence intervals rest on.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fxlab.effects.processor import Processor
from fxlab.progress import Progress, silent

Clock = Callable[[], int]
"""Nanoseconds, like `time.perf_counter_ns`."""

MIN_BLOCKS = 200
"""Blocks of a cell in all runs together: fewer can't carry a 99th percentile."""
MAX_BLOCKS = 24_000
"""Blocks of a cell in all runs together: more than enough for the 99.9th percentile."""
MIN_BLOCKS_PER_RUN = 10
_WARM_UP_NS = 120_000_000
_WARM_UP_BLOCKS = (12, 256)
_WARM_EACH_RUN = 0.05
_TOLERATED_OVERRUN = 1.15


@dataclass
class Cell:
    """One engine of one effect at one buffer size, and what was measured.

    Args:
        key: Names it, for progress and order.
        processor: Prepared for mono blocks of `buffer` frames or more.
        audio: What it is fed, float32 (1, frames): from a random place on in every run, over and over.
        buffer: Frames per block.
        runs_ns: Block times of every run.
        first_ns: The first block at this buffer size.
        warm_up_ns: Blocks before the first run, the very first one included; in no statistic.
        rewarm_blocks: Untimed blocks in front of every run.
    """

    key: tuple[str, str, int]
    processor: Processor
    audio: np.ndarray
    buffer: int
    runs_ns: list[np.ndarray] = field(default_factory=list)
    first_ns: int = 0
    warm_up_ns: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    rewarm_blocks: int = 0


def measure(
    cells: Sequence[Cell],
    runs: int,
    budget_s: float,
    seed: int = 0,
    collect_garbage: bool = False,
    clock: Clock = time.perf_counter_ns,
    progress: Progress = silent,
) -> list[list[tuple[str, str, int]]]:
    """Fills every cell's times.

    Args:
        cells: What to measure.
        runs: Rounds.
        budget_s: Seconds of processing to aim at; the fewest blocks that mean something (`MIN_BLOCKS`) are timed in any case.
        seed: Of the order within rounds and the places in the audio.
        collect_garbage: Leave Python's garbage collector on.

    Returns:
        The keys of the cells in the order measured, one list per round.
    """
    rng = np.random.default_rng(seed)
    feeds = _feeds(cells)
    with _collector(collect_garbage):
        for i in rng.permutation(len(cells)):
            _warm_up(cells[i], feeds[i], clock)
        counts = share_blocks([_typical_s(cell) for cell in cells], runs, budget_s)
        for cell, count in zip(cells, counts, strict=True):
            cell.runs_ns = []
            cell.rewarm_blocks = max(3, math.ceil(_WARM_EACH_RUN * count))
        orders: list[list[tuple[str, str, int]]] = []
        left_s, visits = budget_s, runs * len(cells)
        for run in range(runs):
            counts = _replan(cells, counts, runs - run, left_s)
            orders.append([])
            for i in rng.permutation(len(cells)):
                cell = cells[i]
                progress("Measuring", run * len(cells) + len(orders[-1]), visits, run=f"{run + 1}/{runs}")
                times = np.zeros(counts[i], np.int64)
                _one_run(cell, feeds[i], times, clock, rng)
                cell.runs_ns.append(times)
                orders[-1].append(cell.key)
                left_s -= float(times.mean()) * 1e-9 * (counts[i] + cell.rewarm_blocks)
        progress("Measuring", visits, visits)
    return orders


def share_blocks(block_s: Sequence[float], runs: int, budget_s: float) -> list[int]:
    """Blocks per run for every cell: equal time for each, what quick cells leave over goes to the others.

    Args:
        block_s: Typical time of one block of each cell, in seconds.
        runs: Runs per cell.
        budget_s: Seconds for all cells and runs.
    """
    low = _fewest(runs)
    high = max(low, math.ceil(MAX_BLOCKS / runs))
    counts = [low] * len(block_s)
    open_cells = sorted(range(len(block_s)), key=lambda i: block_s[i])  # the quickest leave over most, so they come first
    left_s = budget_s
    for position, i in enumerate(open_cells):
        run_s = left_s / (len(open_cells) - position) / runs
        counts[i] = int(min(high, max(low, run_s / max(block_s[i], 1e-9) / (1 + _WARM_EACH_RUN))))
        left_s -= counts[i] * runs * block_s[i] * (1 + _WARM_EACH_RUN)
    return counts


class _Feed:
    """A clip cut into blocks of one size, beforehand, so that a run only has to hand them out."""

    def __init__(self, audio: np.ndarray, buffer: int) -> None:
        if audio.shape[1] < buffer:
            audio = np.tile(audio, (1, -(-buffer // audio.shape[1])))
        count = min(audio.shape[1] // buffer, MAX_BLOCKS)
        self.blocks = [np.ascontiguousarray(audio[:, i * buffer : (i + 1) * buffer]) for i in range(count)]
        self.out = np.empty((1, buffer), np.float32)

    def take(self, start: int, count: int) -> list[np.ndarray]:
        size = len(self.blocks)
        return [self.blocks[(start + i) % size] for i in range(count)]


def _replan(cells: Sequence[Cell], counts: list[int], runs_left: int, left_s: float) -> list[int]:
    """Fewer blocks in the runs to come where the machine has turned out slower than in the warm-up."""
    if not cells[0].runs_ns:
        return counts
    run_s = sum(float(np.mean(cell.runs_ns[-1])) * 1e-9 * count for cell, count in zip(cells, counts, strict=True))
    expected_s = run_s * runs_left
    if expected_s <= _TOLERATED_OVERRUN * max(left_s, 0):
        return counts
    low = _fewest(len(cells[0].runs_ns) + runs_left)
    return [max(low, int(count * max(left_s, 0) / expected_s)) for count in counts]


def _fewest(runs: int) -> int:
    """Blocks per run below which a cell's figures mean nothing."""
    return max(MIN_BLOCKS_PER_RUN, math.ceil(MIN_BLOCKS / runs))


def _feeds(cells: Sequence[Cell]) -> list[_Feed]:
    """A feed per cell; cells with the same audio and buffer share one."""
    made: dict[tuple[int, int], _Feed] = {}
    for cell in cells:
        key = id(cell.audio), cell.buffer
        if key not in made:
            made[key] = _Feed(cell.audio, cell.buffer)
    return [made[id(cell.audio), cell.buffer] for cell in cells]


def _warm_up(cell: Cell, feed: _Feed, clock: Clock) -> None:
    """Runs blocks until the time is steady enough to plan with: caches, clock frequency, just-in-time compilers."""
    fewest, most = _WARM_UP_BLOCKS
    times = np.zeros(most, np.int64)
    cell.processor.reset()
    spent = count = 0
    for block in feed.take(0, most):
        _time_blocks(cell.processor.process, [block], feed.out, times[count:], clock)
        spent += int(times[count])
        count += 1
        if count >= fewest and spent > _WARM_UP_NS:
            break
    cell.warm_up_ns = times[:count].copy()
    cell.first_ns = int(times[0])


def _one_run(cell: Cell, feed: _Feed, times: np.ndarray, clock: Clock, rng: np.random.Generator) -> None:
    blocks = feed.take(int(rng.integers(len(feed.blocks))), cell.rewarm_blocks + len(times))
    cell.processor.reset()
    for block in blocks[: cell.rewarm_blocks]:
        cell.processor.process(block, feed.out)
    _time_blocks(cell.processor.process, blocks[cell.rewarm_blocks :], feed.out, times, clock)


def _time_blocks(process: Callable, blocks: list[np.ndarray], out: np.ndarray, times: np.ndarray, clock: Clock) -> None:
    """The timed loop. Between the two readings of the clock there is nothing but the block itself."""
    for i, block in enumerate(blocks):
        start = clock()
        process(block, out)
        stop = clock()
        times[i] = stop - start


def _typical_s(cell: Cell) -> float:
    """Mean of the later half of the warm-up, in seconds: the mean, since interruptions take their part of the budget too."""
    return float(np.mean(cell.warm_up_ns[len(cell.warm_up_ns) // 2 :])) * 1e-9


@contextmanager
def _collector(on: bool) -> Iterator[None]:
    """Python's garbage collector as asked for, and afterwards as it was. Off, it is also spared what exists already."""
    was_on = gc.isenabled()
    gc.collect()
    if on:
        gc.enable()
    else:
        gc.disable()
        gc.freeze()
    try:
        yield
    finally:
        if not on:
            gc.unfreeze()
        (gc.enable if was_on else gc.disable)()
