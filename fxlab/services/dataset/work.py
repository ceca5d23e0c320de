"""Shares the renderings of a dataset among threads or the workers of a cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from fxlab.audio.leftovers import temporary_path
from fxlab.errors import InputError, MissingError
from fxlab.services import cluster
from fxlab.services.cluster import Cluster
from fxlab.services.cluster_worker import absolute, require_seen
from fxlab.services.dataset.plan import Rendering
from fxlab.services.dataset.render import render
from fxlab.services.dataset.sources import Take
from fxlab.services.ending import Ending, Stopped

Made = tuple[int, "list[dict] | InputError"]


def render_all(
    renderings: Sequence[Rendering], todo: Sequence[int], output: Path, rate: int, workers: int | None, where: Cluster | None
) -> Iterator[Made]:
    """Renders `todo` (numbers of renderings), in the order they get ready; close it to stop early.

    Args:
        renderings: Of the whole dataset.
        todo: Which of them.
        output: The dataset's folder.
        rate: Its sample rate in Hz.
        workers: Threads, None for one per core; on a cluster renderings at the same time, None for as many as it likes.
        where: The cluster to use.

    Yields:
        A rendering's number, and its rows or why its source can't be used.

    Raises:
        OutputError: A pair can't be written.
        MissingError: The cluster can't be used.
    """
    if where is None:
        yield from _here(renderings, todo, output, rate, workers)
        return
    output = output.absolute()
    calls = [(number, _absolute(renderings[number]), output, rate) for number in todo]
    try:
        with contextlib.closing(cluster.results(where, _on_worker, calls, output / "pairs", workers)) as results:
            yield from results
    finally:
        for left in (output / "pairs").glob(temporary_path(Path("*"), "*").name):  # by workers that were killed
            with contextlib.suppress(OSError):
                left.unlink()


def _here(renderings: Sequence[Rendering], todo: Sequence[int], output: Path, rate: int, workers: int | None) -> Iterator[Made]:
    """Effects and file access leave the interpreter free, so threads do."""
    import joblib

    ending = Ending()
    pool = joblib.Parallel(
        n_jobs=min(workers or os.cpu_count() or 1, len(todo)), prefer="threads", return_as="generator_unordered"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's, about results that nobody waits for any more
            yield from pool(joblib.delayed(_in_thread)(n, renderings[n], output, rate, ending) for n in todo)
    finally:
        ending.now()


def _in_thread(number: int, rendering: Rendering, output: Path, rate: int, ending: Ending) -> Made | None:
    with contextlib.suppress(Stopped), ending.working():  # a result that nobody asks for any more
        return _attempt(number, rendering, output, rate, ending)


def _on_worker(number: int, rendering: Rendering, output: Path, rate: int, ending: Ending) -> Made:
    for take in _takes(rendering):
        require_seen(take.path, MissingError)  # not the source's fault, which goes on when it can be found
    return _attempt(number, rendering, output, rate, ending)


def _attempt(number: int, rendering: Rendering, output: Path, rate: int, ending: Ending) -> Made:
    """A source that fails must not stop the others, so its error is a result."""
    try:
        return number, render(rendering, output, rate, ending.check)
    except InputError as error:
        return number, error


def _takes(rendering: Rendering) -> list[Take]:
    return [rendering.take, *([rendering.noise.take] if rendering.noise and rendering.noise.take else [])]


def _absolute(rendering: Rendering) -> Rendering:
    take, noise = rendering.take.absolute(), rendering.noise
    if noise and noise.take:
        noise = dataclasses.replace(noise, take=noise.take.absolute())
    return dataclasses.replace(rendering, take=take, noise=noise, stages=tuple(absolute(rendering.stages)))
