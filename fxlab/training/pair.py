"""A recording of what goes into an effect and of what comes out, and which part of it counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np


class Hearing(Protocol):
    """What of a network decides how much it must have heard before it can be judged."""

    recurrent: bool
    receptive_field: int


@dataclass(frozen=True)
class Pair:
    """One aligned recording.

    Args:
        input, target: Mono float32 of equal length.
        from_rest: The effect started in silence at the first sample, so that zeros are its true past.
        lead: Samples at the beginning that are heard but not judged, because the recorded device settles there. A recurrent
            network then starts where the device does, at the first sample.
        controls: The knobs' positions as the network takes them, float32 (controls,).
    """

    input: np.ndarray
    target: np.ndarray
    from_rest: bool = True
    lead: int = 0
    controls: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    def delayed(self, frames: int) -> Pair:
        """The pair with a target that comes so much later, for a network that is later than the effect; earlier if negative."""
        if frames <= 0:
            stop = len(self.input) + frames
            return replace(self, input=self.input[:stop], target=self.target[-frames:]) if frames else self
        target = self.target[: max(0, len(self.target) - frames)]
        if not (self.from_rest or self.lead):
            return replace(self, input=self.input[frames:], target=target)
        lead = self.lead + frames if self.lead else 0
        return replace(self, target=np.concatenate((np.zeros(len(self.input) - len(target), np.float32), target)), lead=lead)

    def judged(self, context: int) -> tuple[np.ndarray, np.ndarray]:
        """The targets that count, and the inputs with `context` samples before the first of these.

        Where the recording doesn't go back so far, zeros stand for silence; without any true past, the target begins later.
        """
        first = self.lead or (0 if self.from_rest else context)
        silence = np.zeros(max(0, context - first), np.float32)
        return np.concatenate((silence, self.input[max(0, first - context) :])), self.target[first:]


def context_of(network: Hearing, pairs: Iterable[Pair]) -> int:
    """Samples that a network hears before its output counts."""
    lead = max((pair.lead for pair in pairs), default=0)
    return lead if network.recurrent and lead else network.receptive_field - 1
