"""What a training is after: the loss that it minimises, and the figure by which one network is better than another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from fxlab.settings import TrainSettings
from fxlab.training.evaluate import BoundLoss, mean_loss, pooled_esr
from fxlab.training.losses import at_rate, loss
from fxlab.training.pair import Pair

_SEGMENT_S = {"snr": 0.5, "estoi": 1.0, "contrast": 0.5}
IMPROVING = frozenset(_SEGMENT_S)
"""Losses that ask for something better than the input; the others, for the sound of an effect."""


@dataclass(frozen=True)
class Objective:
    """A loss at a sample rate.

    Args:
        name: Of the loss.
        sample_rate_hz: Of the signals.
        minimised: (target, output, settings) to a scalar.
    """

    name: str
    sample_rate_hz: int
    minimised: BoundLoss

    @classmethod
    def named(cls, name: str, sample_rate_hz: int) -> Objective:
        """Raises `UsageError` for an unknown one."""
        return cls(name, sample_rate_hz, at_rate(loss(name), sample_rate_hz))

    @property
    def figure(self) -> str:
        """What the figure of the validation split is called in histories, cards and tables; less is better."""
        return "validation_esr" if self.name == "effect" else f"validation_{self.name}_loss"

    @property
    def shortest(self) -> int:
        """Frames that it needs to say anything; segments are so long unless told otherwise."""
        return round(_SEGMENT_S.get(self.name, 0.0) * self.sample_rate_hz)

    def of(self, network: nn.Module, pairs: Iterable[Pair], settings: TrainSettings) -> float:
        """The figure of a network: the ESR of all pairs as one, or the mean of the loss."""
        if self.name == "effect":
            return pooled_esr(network, pairs)
        return mean_loss(network, pairs, self.minimised, settings, self.sample_rate_hz)
