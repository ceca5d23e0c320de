"""Segments with context out of a dataset's pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fxlab.errors import InputError
from fxlab.training.pair import Pair


class Segments:
    """Random segments of `length` target samples, each preceded by `context` more input samples.

    For recurrent networks, which carry their state on, segments come as sequences of `windows` in a row, and only the first
    of them has a context: what came before the others is in the state.

    The order and the offsets of an epoch depend on (seed, epoch) alone, so a resumed run sees the same data as an
    undisturbed one.

    Raises:
        InputError: No pair is long enough for one sequence.
    """

    def __init__(self, pairs: list[Pair], length: int, context: int, seed: int, windows: int = 1) -> None:
        self.length, self.context, self.seed, self.windows = length, context, seed, windows
        self._sequence = length * windows
        self._inputs: list[Tensor] = []
        self._targets: list[Tensor] = []
        self._controls: list[Tensor] = []
        self._places: list[tuple[int, int]] = []
        for pair in pairs:
            heard, target = pair.judged(context)
            if len(target) < self._sequence:
                continue
            self._inputs.append(torch.from_numpy(heard))
            self._targets.append(torch.from_numpy(target.copy()))
            self._controls.append(torch.from_numpy(pair.controls)[:, None])
            self._places.append((len(self._inputs) - 1, len(target)))
        self.count = sum(usable // self._sequence for _, usable in self._places)
        if not self.count:
            one, less = (f"{windows} windows", ", with fewer --windows") if windows > 1 else ("one segment", "")
            raise InputError(
                f"No training pair is as long as {one} ({self._sequence} samples and {context} of context).",
                f"Train with a smaller --segment{less}, or add longer recordings.",
            )

    def steps(self, batch_size: int) -> int:
        """Batches in which `epoch` goes over the data once."""
        return max(1, self.count // batch_size) * self.windows

    def epoch(self, number: int, batch_size: int, steps: int = 0) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches of inputs, targets and knobs.

        Their shapes are (batch, 1, context + length), or (batch, 1, length) where the state has the context; (batch, length);
        (batch, controls, 1).

        Args:
            number: Which epoch; decides the order.
            batch_size: Sequences per batch; a last smaller batch is dropped unless it is the only one.
            steps: Batches to give, going over the data again as needed; 0 goes over it once.
        """
        rng = np.random.default_rng((self.seed, number))
        queue: list[tuple[int, int]] = []
        for step in range(steps or self.steps(batch_size)):
            window = step % self.windows
            if not window:
                while len(queue) < min(batch_size, self.count):
                    queue += self._shuffled(rng)
                batch, queue = queue[:batch_size], queue[batch_size:]
            first, last = window * self.length, (window + 1) * self.length
            heard = first + self.context if window else 0
            yield (
                torch.stack([self._inputs[i][start + heard : start + last + self.context] for i, start in batch])[:, None],
                torch.stack([self._targets[i][start + first : start + last] for i, start in batch]),
                torch.stack([self._controls[i] for i, _ in batch]),
            )

    def _shuffled(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Every pair tiled with sequences from a random offset, in random order."""
        places = []
        for index, usable in self._places:
            offset = int(rng.integers(usable % self._sequence + 1))
            places += [(index, offset + k * self._sequence) for k in range(usable // self._sequence)]
        order = rng.permutation(len(places))
        return [places[i] for i in order]
