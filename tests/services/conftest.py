"""Training runs that draw nothing: a run's two pictures take longer than a small network's training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


def _leave_undrawn(patch: pytest.MonkeyPatch) -> None:
    from fxlab.services.train import report as train_report

    for name in ("draw_curves", "_draw_quality"):
        patch.setattr(train_report, name, lambda path, *of: Path(path).touch())


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of the runs that a test makes itself are empty files."""
    _leave_undrawn(monkeypatch)


@pytest.fixture(scope="module")
def no_pictures_at_all() -> Iterator[None]:
    """So are those of all runs of a module."""
    with pytest.MonkeyPatch.context() as patch:
        _leave_undrawn(patch)
        yield
