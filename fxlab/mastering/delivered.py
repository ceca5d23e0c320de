"""A master that was written, and everything that is known of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fxlab.audio.bands import CENTRES_HZ
from fxlab.audio.codecs import Decoded
from fxlab.audio.programme import Programme
from fxlab.mastering.chain import Chain
from fxlab.mastering.platforms import PlatformEffect
from fxlab.mastering.targets import Target
from fxlab.mastering.verification import Balance, Mono, Promise


@dataclass(frozen=True)
class Reduction:
    """What the limiter took away over time: the most in each stretch, dB, 0 or more; both (n,), n at most 4096."""

    at_s: np.ndarray
    reduction_db: np.ndarray


@dataclass(frozen=True)
class Delivered:
    """A master that was written.

    Attributes:
        output: The file.
        target: What it was made for.
        chain: What was played, its loudness stage filled in: from a chain file it makes the same samples again.
        before: Of the input, trimmed and faded as the output is.
        after: Of the written file, read back; its true peak at eight values a sample.
        iterations: How often the song went through the limiter.
        peak_reduction_db: Most that the limiter took away, 0 or more.
        reduction: The same over time.
        promises: What was promised; exit code 5 is for those that aren't kept.
        remarks: What deserves to be known, a sentence each.
        platforms: What streaming services do to it.
        codecs: What lossy codecs make of its peaks, where asked for; None for one that can't be tried here.
        mono: None for what isn't stereo, and for silence.
        balance: Spectrum before and after.
        elapsed_s: Time it took.
    """

    output: Path
    target: Target
    chain: Chain
    before: Programme
    after: Programme
    iterations: int
    peak_reduction_db: float
    reduction: Reduction
    promises: tuple[Promise, ...]
    remarks: tuple[str, ...]
    platforms: tuple[PlatformEffect, ...]
    codecs: dict[str, Decoded | None]
    mono: Mono | None
    balance: Balance
    elapsed_s: float

    @property
    def kept(self) -> bool:
        """Whether every promise is."""
        return all(promise.kept for promise in self.promises)

    def to_json(self) -> dict:
        return {
            "output": str(self.output),
            "target": asdict(self.target),
            "chain": [{"effect": stage.name, "set": stage.set} for stage in self.chain.stages()],
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "iterations": self.iterations,
            "peak_reduction_db": self.peak_reduction_db,
            "promises": [asdict(promise) for promise in self.promises],
            "remarks": list(self.remarks),
            "platforms": [asdict(effect) for effect in self.platforms],
            "codecs": {name: decoded and asdict(decoded) for name, decoded in self.codecs.items()},
            "mono": self.mono and asdict(self.mono),
            "balance": {"hz": CENTRES_HZ.tolist()} | {name: levels.tolist() for name, levels in vars(self.balance).items()},
            "elapsed_s": self.elapsed_s,
        }
