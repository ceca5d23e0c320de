"""Shares the renderings of a dataset among threads, and ends them so that none leaves a half-written file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fxlab.errors import InputError
from fxlab.services.dataset_plan import Rendering
from fxlab.services.dataset_render import Stopped, render

_PATIENCE_S = 10.0

Made = tuple[int, "list[dict] | InputError | None"]


class Ending:
    """Tells renderings in progress to stop and waits until they have cleared up.

    Sent to another process (a `joblib.parallel_config` backend such as Dask's) it arrives as one that never stops.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._working, self._wanted = 0, False

    def __reduce__(self):
        return Ending, ()

    def wanted(self) -> bool:
        return self._wanted

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around a piece of work; `now` waits for its end."""
        with self._changed:
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def now(self) -> None:
        """Ends all work; returns when it has ended, after ten seconds at the latest."""
        with self._changed:
            self._wanted = True
            self._changed.wait_for(lambda: not self._working, _PATIENCE_S)


def render_all(
    renderings: Sequence[Rendering], todo: Sequence[int], output: Path, rate: int, workers: int | None
) -> Iterator[Made]:
    """Renders `todo` (numbers of renderings), in the order they get ready; close it to stop early.

    Effects and file access leave the interpreter free, so threads do.

    Args:
        renderings: Of the whole dataset.
        todo: Which of them.
        output: The dataset's folder.
        rate: Its sample rate in Hz.
        workers: Threads, None for one per core.

    Yields:
        A rendering's number, and its rows or why its source can't be used.

    Raises:
        OutputError: A pair can't be written.
    """
    import joblib

    ending = Ending()
    pool = joblib.Parallel(
        n_jobs=min(workers or os.cpu_count() or 1, len(todo)), prefer="threads", return_as="generator_unordered"
    )
    try:
        yield from pool(joblib.delayed(_attempt)(n, renderings[n], output, rate, ending) for n in todo)
    finally:
        ending.now()


def _attempt(number: int, rendering: Rendering, output: Path, rate: int, ending: Ending) -> Made:
    """A source that fails must not stop the others, so its error is a result."""
    with ending.working():
        try:
            return number, render(rendering, output, rate, ending.wanted)
        except InputError as error:
            return number, error
        except Stopped:
            return number, None  # nobody asks for it any more
