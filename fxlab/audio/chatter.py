"""Keeps what sound libraries write to stderr away from the user.

PortAudio, ALSA and JACK write to file descriptor 2 themselves: dozens of lines while they look for devices, one for every
underrun, a few when a device disappears. Python's own messages take another way meanwhile, so that none of them is lost.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_shown = False
_aside: io.TextIOWrapper | None = None
_replaced: io.TextIOWrapper | None = None


def show(shown: bool) -> None:
    """Whether `quiet_stderr` lets everything through where nothing else is said (`--debug`)."""
    global _shown
    _shown = shown


@contextmanager
def quiet_stderr(debug: bool | None = None) -> Iterator[None]:
    """While this is open, file descriptor 2 leads nowhere, and `sys.stderr` to where the descriptor led before.

    It may be open several times at once and in several threads; the last one to end restores everything. Nothing happens when
    stderr is closed. Processes started meanwhile inherit the silence. A `sys.stderr` that isn't the interpreter's own (a test's,
    a panel's) is left alone: open this before a panel takes stderr over.

    Args:
        debug: Let everything through; None for what `show` said.
    """
    if _shown if debug is None else debug:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _depth, _aside, _replaced
    with _lock:
        _depth += 1
        if _depth > 1:
            return
        try:
            if _aside is None:
                _aside = open(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
            else:
                os.dup2(2, _aside.fileno(), inheritable=False)
            nowhere = os.open(os.devnull, os.O_WRONLY)
        except OSError:
            return
        if type(sys.stderr) is io.TextIOWrapper and sys.stderr.fileno() == 2:
            sys.stderr.flush()
            _replaced, sys.stderr = sys.stderr, _aside
        os.dup2(nowhere, 2)
        os.close(nowhere)


def _leave() -> None:
    global _depth, _replaced
    with _lock:
        _depth -= 1
        if _depth or _aside is None:
            return
        _aside.flush()
        os.dup2(_aside.fileno(), 2)
        if sys.stderr is _aside and _replaced is not None:
            sys.stderr = _replaced
        _replaced = None
