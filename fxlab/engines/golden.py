"""A model file proves itself: a golden input and output travel with it and are replayed when it is loaded.

Where a model has knobs, they turn in the middle of it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from fxlab.effects.processor import Processor
from fxlab.engines.network import NetworkProcessor
from fxlab.errors import CheckError, InputError
from fxlab.models.controls import Control
from fxlab.models.model import Card

if TYPE_CHECKING:
    from fxlab.engines.torch_engine import TorchProcessor

TOLERANCE = 1e-5
_WORST = 1e-4
_FRAMES = 2048
_MOST_LATE = 16_384  # whatever a card says


def golden_input(frames: int = _FRAMES, seed: int = 0) -> np.ndarray:
    """Float32 (frames,): decaying noise over a low tone, loud enough to bend every activation."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)
    tone = 0.5 * np.sin(2 * np.pi * t / 97.3) + rng.uniform(-0.5, 0.5, frames) * np.exp(-t / 700.0)
    golden: np.ndarray = tone.astype(np.float32)
    return golden


def golden_input_of(card: Card) -> np.ndarray:
    """A golden input that is heard in the output of a model, however late that is."""
    return golden_input(_FRAMES + min(int(card["latency"]), _MOST_LATE))


def random_blocks(frames: int, max_block: int, seed: int) -> list[int]:
    """Random block sizes 1..max_block that add up to `frames`."""
    rng, sizes = np.random.default_rng(seed), []
    while frames:
        sizes.append(min(frames, int(rng.integers(1, max_block + 1))))
        frames -= sizes[-1]
    return sizes


def play(processor: Processor, audio: np.ndarray, rate_hz: int, sizes: list[int]) -> np.ndarray:
    """Mono `audio` (frames,) through `processor`, from silence, in blocks of the given sizes.

    A network's knobs stand at their defaults for the first half, at whose end blocks are divided. Then all are set to another
    place, a quarter from the farther end. In the end they are set to what they were.
    """
    processor.prepare(rate_hz, 1, max(sizes))
    if not (isinstance(processor, NetworkProcessor) and processor.controls):
        return _played(processor, audio, sizes)
    knobs, before, half = processor.controls, processor.values, len(audio) // 2
    processor.set(**{knob.name: knob.param.default for knob in knobs})
    first, second = _divided(sizes, half)
    wet = _played(processor, audio[:half], first)
    processor.set(**{knob.name: knob.at(_elsewhere(knob)) for knob in knobs})
    wet = np.concatenate((wet, _played(processor, audio[half:], second)))
    processor.set(**before)
    return wet


def _played(processor: Processor, audio: np.ndarray, sizes: list[int]) -> np.ndarray:
    out, done = np.empty(len(audio), np.float32), 0
    for size in sizes:
        wet = np.empty((1, size), np.float32)
        processor.process(np.ascontiguousarray(audio[None, done : done + size]), wet)
        out[done : done + size] = wet[0]
        done += size
    return out


def _divided(sizes: list[int], at: int) -> tuple[list[int], list[int]]:
    """The blocks before and behind a frame; one that it lies in is cut."""
    ends = np.cumsum([0, *sizes])
    edges = [np.unique([*ends[ends < at], at]), np.unique([at, *ends[ends > at]])]
    return tuple(np.diff(edge).tolist() for edge in edges)


def _elsewhere(knob: Control) -> float:
    return -0.5 if knob.normalised(knob.param.default) > 0 else 0.5


def pack(dry: np.ndarray, wet: np.ndarray, allowed: float = TOLERANCE) -> dict[str, str]:
    """The vectors as text for a model's metadata, with their hash, and what a player may be off where that is unusual."""
    raw = [np.ascontiguousarray(array, "<f4").tobytes() for array in (dry, wet)]
    return {
        "input": base64.b64encode(raw[0]).decode(),
        "output": base64.b64encode(raw[1]).decode(),
        "sha256": hashlib.sha256(raw[0] + raw[1]).hexdigest(),
        **({"tolerance": f"{allowed:.2g}"} if allowed > TOLERANCE else {}),
    }


def vector_of(reference: TorchProcessor, card: Card, least: float = TOLERANCE) -> dict[str, str]:
    """The golden vector of a network as torch plays it, with what other engines may be off: `least`, or more by `tolerance`."""
    dry, rate = golden_input_of(card), int(card["sample_rate_hz"])
    return pack(dry, play(reference, dry, rate, [len(dry)]), max(least, tolerance(reference, dry, rate)))


def unpack(vector: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """The vectors of `pack`; raises `InputError` when they are not whole."""
    try:
        raw = [base64.b64decode(vector[key], validate=True) for key in ("input", "output")]
        whole = hashlib.sha256(raw[0] + raw[1]).hexdigest() == vector["sha256"]
        dry, wet = (np.frombuffer(data, "<f4") for data in raw)
    except (KeyError, TypeError, ValueError):
        whole, dry, wet = False, np.empty(0), np.empty(0)
    if not whole or len(dry) != len(wet) or not len(dry):
        raise InputError("The model's golden vector is damaged.", "Export the model again with `fxlab export`.")
    return dry, wet


def prove(processor: Processor, vector: dict[str, str], rate_hz: int, source: str) -> None:
    """Replays the golden vector in random blocks; raises `InputError` when the output differs by more than the vector allows."""
    dry, wet = unpack(vector)
    error = float(np.max(np.abs(play(processor, dry, rate_hz, random_blocks(len(dry), 512, 1)) - wet)))
    if not error <= _allowed(vector):
        raise InputError(
            f"{source} does not play its own golden vector: it is off by {error:.2g}.",
            "The file is damaged, or this machine's runtime computes it wrongly; export it again.",
        )


def _allowed(vector: dict[str, str]) -> float:
    try:
        return min(_WORST, max(TOLERANCE, float(vector.get("tolerance", TOLERANCE))))
    except (TypeError, ValueError):
        return TOLERANCE


def tolerance(reference: TorchProcessor, audio: np.ndarray, rate_hz: int, seed: int = 0) -> float:
    """How far another engine may be off torch: 1e-5, or four times what rounding makes of torch's own output, but at most 1e-4.

    High gain in a recurrent network amplifies rounding, and torch's is but one way to round.
    """
    return max(TOLERANCE, min(_WORST, 4 * difference(reference, reference.exact(), audio, rate_hz, seed)))


def difference(one: Processor, other: Processor, audio: np.ndarray, rate_hz: int, seed: int = 0) -> float:
    """Largest difference of two processors over mono audio, each fed with its own random blocks."""
    played = [play(p, audio, rate_hz, random_blocks(len(audio), 4096 >> i, seed + i)) for i, p in enumerate((one, other))]
    return float(np.max(np.abs(played[0] - played[1])))


def parity(
    reference: TorchProcessor, other: Processor, audio: np.ndarray, rate_hz: int, seed: int = 0, least: float = TOLERANCE
) -> float:
    """Largest difference of a processor to torch over mono audio, each fed with its own random blocks.

    Args:
        least: What it may be off in any case.

    Raises:
        CheckError: More than `least`, and more than `tolerance`.
    """
    error = difference(reference, other, audio, rate_hz, seed)
    if error <= least or error <= (allowed := tolerance(reference, audio, rate_hz, seed)):
        return error
    raise CheckError(
        f"The exported model differs from the trained one by {error:.2g}.", f"More than {allowed:.2g}: please report this."
    )
