"""How services tell the world how far they are: one callable, no printing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as `progress(task, done, total, **fields)` from the service's own thread.

    Args:
        task: What is being done, a few words; the same text addresses the same bar.
        done: Units finished so far.
        total: Units in all, None while unknown.
        fields: Figures worth showing beside the bar, such as `esr=0.01`.
    """

    def __call__(self, task: str, done: float, total: float | None, **fields: object) -> None: ...


def silent(task: str, done: float, total: float | None, **fields: object) -> None:
    """A `Progress` that shows nothing."""
