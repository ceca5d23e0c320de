"""Segments with context out of a dataset's pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fxlab.errors import InputError


@dataclass(frozen=True)
class Pair:
    """One aligned recording: mono float32 input and target of equal length.

    `from_rest` says that the effect started in silence at the first sample, so that zeros are its true past.
    """

    input: np.ndarray
    target: np.ndarray
    from_rest: bool = True


class Segments:
    """Random segments of `length` target samples, each preceded by `context` more input samples.

    The order and the offsets of an epoch depend on (seed, epoch) alone, so a resumed run sees the same data as an
    undisturbed one.

    Raises:
        InputError: No pair is long enough for one segment.
    """

    def __init__(self, pairs: list[Pair], length: int, context: int, seed: int) -> None:
        self.length, self.context, self.seed = length, context, seed
        self._inputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._places: list[tuple[int, int]] = []
        for pair in pairs:
            padding = context if pair.from_rest else 0
            usable = len(pair.target) - (context - padding)
            if usable < length:
                continue
            self._inputs.append(torch.from_numpy(np.concatenate((np.zeros(padding, np.float32), pair.input))))
            self._targets.append(torch.from_numpy(pair.target[context - padding :].copy()))
            self._places.append((len(self._inputs) - 1, usable))
        self.count = sum(usable // length for _, usable in self._places)
        if not self.count:
            raise InputError(
                f"No training pair is as long as one segment ({length} samples and {context} of context).",
                "Train with a smaller --segment, or add longer recordings.",
            )

    def epoch(self, number: int, batch_size: int, steps: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of ((batch, 1, context + length), (batch, length)).

        Args:
            number: Which epoch; decides the order.
            batch_size: Segments per batch; a last smaller batch is dropped unless it is the only one.
            steps: Batches to give, going over the data again as needed; 0 goes over it once.
        """
        rng = np.random.default_rng((self.seed, number))
        wanted = steps or max(1, self.count // batch_size)
        queue: list[tuple[int, int]] = []
        for _ in range(wanted):
            while len(queue) < min(batch_size, self.count):
                queue += self._shuffled(rng)
            batch, queue = queue[:batch_size], queue[batch_size:]
            yield (
                torch.stack([self._inputs[i][start : start + self.context + self.length] for i, start in batch])[:, None],
                torch.stack([self._targets[i][start : start + self.length] for i, start in batch]),
            )

    def _shuffled(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Every pair tiled with segments from a random offset, in random order."""
        places = []
        for index, usable in self._places:
            offset = int(rng.integers(usable % self.length + 1))
            places += [(index, offset + k * self.length) for k in range(usable // self.length)]
        order = rng.permutation(len(places))
        return [places[i] for i in order]
