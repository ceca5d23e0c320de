"""The contract of processors as checks that anyone can make of one: each raises `CheckError`, which says what is against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fxlab.effects.processor import Processor
from fxlab.errors import CheckError

Make = Callable[[], Processor]
"""Makes the same processor anew, not yet prepared."""

TOLERANCE = 1e-6
"""Absolute up to full scale, relative to the peak above it: float32 holds no more."""
_HINT = "See `fxlab.Processor`, and how fxlab's own effects do it."
_SEED = 20
_BAD = slice(700, 703)


def check_processor(make: Make, sample_rate_hz: int = 48_000, tolerance: float = TOLERANCE) -> None:
    """All checks, on two channels of noise with gaps, bursts and an offset that peaks around full scale.

    Args:
        make: Such as `lambda: fxlab.effect("tremolo").processor(depth=1)`.
        tolerance: What blocks of another size may change; networks are allowed 1e-5.

    Raises:
        CheckError: The output depends on how it is cut into blocks, isn't finite, or isn't at rest after the tail; the state
            isn't a value; `reset` isn't as `prepare`; NaN doesn't count as silence; it can't work in place.
    """
    x = noise()
    check_blocks(make, x, [[1], [17], [64], [512], [61, 3, 700]], sample_rate_hz, tolerance)
    check_state(make, x, sample_rate_hz)
    check_reset(make, x, sample_rate_hz)
    check_not_a_number(make, x, sample_rate_hz)
    check_in_place(make, x, sample_rate_hz, tolerance)
    check_tail(make, x, sample_rate_hz, tolerance)


def noise(frames: int = 4000, channels: int = 2) -> np.ndarray:
    """Noise with gaps, bursts and an offset, peaking around full scale: float32 (channels, frames), not to be written to."""
    drawn = np.random.default_rng(_SEED).standard_normal((channels, frames))
    drawn *= np.abs(np.sin(np.arange(frames) * 0.004)) ** 3 * 0.5
    drawn[:, frames // 3 : frames // 3 + 200] = 0.0
    drawn[:, frames // 2 : frames // 2 + 300] += 0.4
    x: np.ndarray = drawn.astype(np.float32)
    x.setflags(write=False)
    return x


def feed(processor: Processor, x: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """What a prepared processor makes of `x`, in blocks of the given sizes, repeated until it's all through."""
    out, at, turn = np.full_like(x, np.nan), 0, 0
    while at < x.shape[1]:
        block = np.ascontiguousarray(x[:, at : at + sizes[turn % len(sizes)]])
        wet = np.empty_like(block)
        processor.process(block, wet)
        out[:, at : at + block.shape[1]] = wet
        at, turn = at + block.shape[1], turn + 1
    return out


def play(make: Make, x: np.ndarray, sizes: Sequence[int], rate_hz: int) -> np.ndarray:
    """`x` through a fresh processor in blocks of the given sizes."""
    return feed(_prepared(make, x, max(sizes), rate_hz), x, sizes)


def check_blocks(
    make: Make, x: np.ndarray, splits: Sequence[Sequence[int]], rate_hz: int = 48_000, tolerance: float = TOLERANCE
) -> None:
    """Any split into blocks gives the same output, which is finite."""
    whole = play(make, x, [x.shape[1]], rate_hz)
    limit = tolerance * max(1.0, float(np.abs(whole).max()))
    _require(bool(np.isfinite(whole).all()), "Its output isn't finite.")
    for sizes in splits:
        worst = float(np.abs(play(make, x, sizes, rate_hz) - whole).max())
        _require(worst <= limit, f"In blocks of {sizes} frames it is off by {worst:.2g}.")


def check_state(make: Make, x: np.ndarray, rate_hz: int = 48_000) -> None:
    """The state is a value, which later blocks don't change, and from which the same or another processor goes on."""
    half = x.shape[1] // 4
    processor = _prepared(make, x, 512, rate_hz)
    feed(processor, x[:, :half], [300])
    middle = processor.state()
    kept = {key: array.copy() for key, array in middle.items()}
    first = feed(processor, x[:, half:], [300])
    _require(all(np.array_equal(middle[key], kept[key]) for key in kept), "A later block changes the value of `state()`.")
    processor.restore(middle)
    _require(np.array_equal(feed(processor, x[:, half:], [300]), first), "It doesn't go on from where `restore` takes it.")
    other = _prepared(make, x, 512, rate_hz)
    other.restore(kept)
    _require(np.array_equal(feed(other, x[:, half:], [300]), first), "Another one doesn't go on from its state.")


def check_reset(make: Make, x: np.ndarray, rate_hz: int = 48_000) -> None:
    """After `reset` it is as after `prepare`."""
    processor = _prepared(make, x, 512, rate_hz)
    first = feed(processor, x, [512])
    processor.reset()
    _require(np.array_equal(feed(processor, x, [512]), first), "After `reset` it isn't as after `prepare`: is all in `_state`?")


def check_not_a_number(make: Make, x: np.ndarray, rate_hz: int = 48_000) -> None:
    """Samples that are not finite count as silence; `x` needs more than 703 frames."""
    bad, clean = x.copy(), x.copy()
    clean[0, _BAD] = 0.0
    bad[0, _BAD] = [np.nan, np.inf, -np.inf]
    same = np.array_equal(play(make, bad, [64], rate_hz), play(make, clean, [64], rate_hz))
    _require(same, "NaN and infinity don't count as silence.")


def check_in_place(make: Make, x: np.ndarray, rate_hz: int = 48_000, tolerance: float = TOLERANCE) -> None:
    """Output and input may be the same array."""
    processor = _prepared(make, x, x.shape[1], rate_hz)
    apart, same = np.empty_like(x), x.copy()
    processor.process(x, apart)
    processor.reset()
    processor.process(same, same)
    fine = np.abs(same - apart).max() <= tolerance * max(1.0, float(np.abs(apart).max()))
    _require(bool(fine), "Its output differs where that takes the place of the input.")


def check_tail(make: Make, x: np.ndarray, rate_hz: int = 48_000, tolerance: float = TOLERANCE) -> None:
    """After its tail it is as it was before it heard anything: silent, but for what a network plays on silence."""
    processor = _prepared(make, x, 4096, rate_hz)
    silence = np.zeros((len(x), processor.tail + 400), np.float32)
    rest = feed(processor, silence[:, :400], [400])
    feed(processor, x, [4096])
    after = feed(processor, silence, [4096])[:, -400:]
    worst = float(np.abs(after - rest).max())
    _require(worst <= tolerance, f"{processor.tail} samples after the end, its tail, it still rings: {worst:.2g}.")


def _prepared(make: Make, x: np.ndarray, max_block: int, rate_hz: int) -> Processor:
    processor = make()
    processor.prepare(rate_hz, len(x), max_block)
    return processor


def _require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise CheckError(f"This processor breaks the contract. {otherwise}", _HINT)
