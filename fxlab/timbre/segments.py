"""What an instrument learns from: recordings with their features, cut at random, and a part of each kept back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fxlab.timbre.config import InstrumentConfig
from fxlab.timbre.frames import SILENCE_DB, Features
from fxlab.timbre.player import inputs_of, quietness_of

SHORTEST_S = 1.0
"""What is kept back is at least so long."""
MIDDLE = 0.55
"""Share of a recording at which the middle of what is kept back lies: neither its first attack nor its dying away."""


@dataclass(frozen=True)
class Take:
    """A recording.

    Args:
        name: Of its file.
        audio: (blocks * hop,) float32 at the instrument's rate.
        features: One frame more than there are blocks.
        kept: The blocks that are kept back, none of them where the recording is too short for that.
    """

    name: str
    audio: np.ndarray
    features: Features
    kept: range

    @property
    def blocks(self) -> int:
        return len(self.features) - 1

    @property
    def learnt(self) -> list[range]:
        """The blocks before and behind what is kept back."""
        parts = range(self.kept.start), range(self.kept.stop, self.blocks)
        return [part for part in parts if part] if self.kept else [range(self.blocks)]


@dataclass(frozen=True)
class Batch:
    """Segments.

    Args:
        given: What the network is given, (batch, frames + 1, inputs).
        f0_hz: Pitch, (batch, frames + 1).
        quietness: Gain of what it answers, (batch, frames + 1).
        audio: What was heard, (batch, frames * hop).
    """

    given: Tensor
    f0_hz: Tensor
    quietness: Tensor
    audio: Tensor

    def __len__(self) -> int:
        return len(self.audio)

    def part(self, rows: slice) -> Batch:
        return Batch(self.given[rows], self.f0_hz[rows], self.quietness[rows], self.audio[rows])

    def to(self, device: torch.device) -> Batch:
        return Batch(*(tensor.to(device) for tensor in (self.given, self.f0_hz, self.quietness, self.audio)))


def take_of(name: str, audio: np.ndarray, features: Features, config: InstrumentConfig, hold_out: float, least: int) -> Take:
    """A recording at the instrument's rate as a take; a part of it is kept back if what is left on both sides is long enough.

    Args:
        least: Blocks of a segment; a shorter recording is followed by silence.
    """
    blocks = min(len(features) - 1, math.ceil(len(audio) / config.hop))
    length = max(math.ceil(SHORTEST_S * config.frame_rate_hz), round(hold_out * blocks))
    start = round(MIDDLE * blocks - length / 2)
    kept = range(start, start + length) if start >= least and blocks - start - length >= least else range(0)
    whole = np.zeros(max(blocks, least) * config.hop, np.float32)
    heard = audio[: blocks * config.hop]
    whole[: len(heard)] = heard
    return Take(name, whole, _followed_by_silence(features[: blocks + 1], max(0, least - blocks)), kept)


def _followed_by_silence(features: Features, frames: int) -> Features:
    def longer(values: np.ndarray, value: float | None = None) -> np.ndarray:
        added = np.repeat(values[-1:], frames, axis=0)
        return np.concatenate([values, added if value is None else np.full_like(added, value)])

    return replace(
        features,
        f0_hz=longer(features.f0_hz),
        voiced=longer(features.voiced, 0.0),
        loudness_db=longer(features.loudness_db, SILENCE_DB),
        mfcc=None if features.mfcc is None else longer(features.mfcc),
    )


class Segments:
    """Random segments of random recordings; an epoch depends on (seed, epoch) alone.

    Args:
        takes: Longer ones are drawn more often; all are as long as a segment.
        measures: The "features" of the instrument's card.
        segment: Blocks in a segment.
        timbre_dropout: Share of segments without coefficients.
        seed: Of all draws.
    """

    windows = 1
    context = 0

    def __init__(
        self,
        takes: Sequence[Take],
        measures: Mapping[str, Any],
        config: InstrumentConfig,
        segment: int,
        timbre_dropout: float,
        seed: int,
    ) -> None:
        self._takes = [_Prepared(take, measures, config, segment) for take in takes]
        self._segment, self._dropout, self._seed = segment, timbre_dropout, seed
        # Where a segment may begin, in all recordings.
        self._places = [
            (one, start)
            for one in self._takes
            for part in one.take.learnt
            for start in range(part.start, part.stop - segment + 1)
        ]

    def steps(self, batch: int) -> int:
        """Steps that go through all recordings about once."""
        return max(1, math.ceil(sum(len(part) for one in self._takes for part in one.take.learnt) / (self._segment * batch)))

    def epoch(self, epoch: int, batch: int, steps: int) -> Iterator[Batch]:
        """The epoch's batches."""
        rng = np.random.default_rng([self._seed, epoch])
        for _ in range(steps):
            chosen = [self._places[place] for place in rng.integers(len(self._places), size=batch)]
            plain = rng.random(batch) < self._dropout
            yield _stacked([one.cut(start, bare) for (one, start), bare in zip(chosen, plain, strict=True)])


def held_out(
    takes: Sequence[Take], measures: Mapping[str, Any], config: InstrumentConfig, with_timbre: bool
) -> Iterator[tuple[Take, Batch]]:
    """What is kept back of each recording, whole, as batches of one."""
    for take in takes:
        if take.kept:
            yield take, _stacked([_Prepared(take, measures, config, len(take.kept)).cut(take.kept.start, not with_timbre)])


class _Prepared:
    """A take as the network is given it, to be cut."""

    def __init__(self, take: Take, measures: Mapping[str, Any], config: InstrumentConfig, segment: int) -> None:
        self.take, self._hop, self._segment = take, config.hop, segment
        self._given, self._quietness = inputs_of(take.features, measures, config), quietness_of(take.features, measures)

    def cut(self, start: int, plain: bool) -> tuple[np.ndarray, ...]:
        """A segment as the fields of `Batch`; a plain one has no coefficients."""
        rows = slice(start, start + self._segment + 1)
        given = self._given[rows].copy()
        if plain:
            given[:, 3:] = 0
        audio = self.take.audio[start * self._hop : (start + self._segment) * self._hop]
        return given, self.take.features.f0_hz[rows], self._quietness[rows], audio


def _stacked(rows: list[tuple[np.ndarray, ...]]) -> Batch:
    return Batch(*(torch.from_numpy(np.stack(part).astype(np.float32)) for part in zip(*rows, strict=True)))
