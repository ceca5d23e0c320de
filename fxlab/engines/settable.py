"""Processors whose parameters can be set while they play."""

from __future__ import annotations

from abc import abstractmethod

from fxlab.effects.processor import Processor
from fxlab.models.controls import Control
from fxlab.models.model import Card


class Settable(Processor):
    """A model that plays, and its knobs.

    Attributes:
        card: The model's.
        controls: Its knobs, in the order of its card.
    """

    card: Card
    controls: tuple[Control, ...]

    @property
    @abstractmethod
    def values(self) -> dict[str, float]:
        """What the knobs are set to, by name."""

    @abstractmethod
    def set(self, /, **values: object) -> None:
        """Sets knobs; others stay. May be called from any thread, and is heard without a click.

        Raises:
            UsageError: A knob that the model hasn't got, or a value out of its range; then none is set.
        """
