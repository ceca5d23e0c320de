"""The same work on many files: one after the other, in processes of its own, or on a cluster."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fxlab.audio.leftovers import temporary_path
from fxlab.progress import Progress
from fxlab.services import cluster
from fxlab.services.cluster import Cluster
from fxlab.services.ending import Ending

_WATCH, _WATCH_S = "parent", 0.5


def in_turn(work: Callable[..., Any], calls: Sequence[tuple], names: Sequence[str], progress: Progress, task: str) -> list:
    """What `work(*call, progress)` returns for each call; `progress(share)` of a call, 0..1, counts within the whole."""
    results = []
    for index, (call, name) in enumerate(zip(calls, names, strict=True)):
        results.append(work(*call, lambda share, index=index, name=name: progress(task, index + share, len(calls), file=name)))
    progress(task, len(calls), len(calls))
    return results


def in_parallel(
    work: Callable[..., Any], calls: Sequence[tuple], names: Sequence[str], workers: int, progress: Progress, task: str
) -> list:
    """What `work(*call)` returns for each call, in order, from so many processes, which end with this one however it ends."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    results: list = []
    progress(task, 0, len(calls))
    try:
        running = Parallel(n_jobs=workers, backend="loky", return_as="generator")
        for result in running(delayed(_for_parent)(os.getpid(), work, call) for call in calls):
            results.append(result)
            progress(task, len(results), len(calls), file=names[len(results) - 1])
    except BaseException:
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
        raise
    return results


def _for_parent(parent: int, work: Callable[..., Any], call: tuple) -> Any:
    """Does one call, in a process that won't outlive the one that wants the result."""
    # joblib works in this very process where the system has no semaphores, or its own settings forbid others.
    watched = os.getpid() == parent or any(thread.name == _WATCH for thread in threading.enumerate())
    if os.name == "posix" and not watched:
        threading.Thread(target=_end_with, args=(parent,), name=_WATCH, daemon=True).start()
    return work(*call)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def on_cluster(
    work: Callable[..., Any],
    calls: Sequence[tuple],
    names: Sequence[str],
    where: Cluster,
    folder: Path,
    at_once: int | None,
    progress: Progress,
    task: str,
) -> list:
    """What `work(*call, check)` returns for each call, in order, from a cluster's workers; `check(share)` ends it on demand.

    Args:
        folder: Where output goes.
        at_once: Calls in work at the same time, None for as many as the cluster likes.

    Raises:
        MissingError, OutputError: As `fxlab.services.cluster.results`.
    """
    results: dict[int, Any] = {}
    progress(task, 0, len(calls))
    numbered = [(number, work, call) for number, call in enumerate(calls)]
    with contextlib.closing(cluster.results(where, _numbered, numbered, folder, at_once)) as arriving:
        for number, result in arriving:
            results[number] = result
            progress(task, len(results), len(calls), file=names[number])
    return [results[number] for number in range(len(calls))]


def _numbered(number: int, work: Callable[..., Any], call: tuple, ending: Ending) -> tuple[int, Any]:
    return number, work(*call, ending.check)


def clear_up(folders: set[Path], token: str) -> None:
    """Removes what workers that were killed left half-written under names with this token."""
    for folder in folders:
        for path in folder.glob(temporary_path(Path("*"), f"{token}*").name):
            with contextlib.suppress(OSError):
                path.unlink()
