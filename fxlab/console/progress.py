"""Progress as people see it: bars on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fxlab.console import output
from fxlab.console.tables import figure
from fxlab.progress import Progress, silent

LINE_EVERY_S = 10.0
"""On a pipe or in a log, a task says how far it is no more often than this."""


@contextmanager
def bars(refresh: bool = True) -> Iterator[Progress]:
    """A `Progress` for the length of a `with`: bars on stderr, plain lines without a terminal, nothing with `--quiet`.

    Args:
        refresh: Redraw from a thread of its own ten times a second. False draws only inside the service's own calls, for
            measurements that another thread would disturb.
    """
    if output.mode.quiet:
        yield silent
    elif not output.is_terminal(stderr=True):
        yield _Lines()
    else:
        with _rich_bars(refresh) as report:
            yield report


@contextmanager
def _rich_bars(refresh: bool) -> Iterator[Progress]:
    from rich import progress as rich_progress

    class Rate(rich_progress.ProgressColumn):
        """Units a second."""

        def render(self, task: rich_progress.Task) -> str:
            speed = task.finished_speed or task.speed
            return f"{figure(speed)}/s" if speed else ""

    wide = output.err().width >= 100
    shown = rich_progress.Progress(
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=24 if wide else 12),
        rich_progress.TaskProgressColumn(),
        *([Rate()] if wide else []),
        rich_progress.TextColumn("ETA"),
        rich_progress.TimeRemainingColumn(compact=True),
        rich_progress.TextColumn("{task.fields[figures]}", markup=False, style="cyan"),
        console=output.err(),
        auto_refresh=refresh,
        transient=True,
    )
    tasks: dict[str, rich_progress.TaskID] = {}
    drawn = 0.0

    def report(task: str, done: float, total: float | None, **fields: object) -> None:
        nonlocal drawn
        if task not in tasks:
            tasks[task] = shown.add_task(task, total=total, figures="")
        shown.update(tasks[task], completed=done, total=total, figures=_figures(fields))
        if not refresh and (time.monotonic() - drawn > 0.1 or done == total):
            drawn = time.monotonic()
            shown.refresh()

    with shown:
        yield report


class _Lines:
    """A line on stderr every so often for each task that takes long."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def __call__(self, task: str, done: float, total: float | None, **fields: object) -> None:
        now = time.monotonic()
        if now - self._said.setdefault(task, now) < LINE_EVERY_S:
            return
        self._said[task] = now
        share = f"{100 * done / total:.0f} %" if total else figure(float(done))
        sys.stderr.write(f"{task}: {share} {_figures(fields)}".rstrip() + "\n")
        sys.stderr.flush()


def _figures(fields: dict[str, object]) -> str:
    return "  ".join(f"{name} {figure(value) if isinstance(value, float) else value}" for name, value in fields.items())
